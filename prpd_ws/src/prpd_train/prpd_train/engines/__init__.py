"""Simulators behind one protocol; `make` builds one by name."""

from __future__ import annotations

import importlib
from typing import Any, Sequence

from prpd_train.engines.protocol import SimState, Simulator
from prpd_train.scene.spec import SceneSpec

ENGINES = {
    "warp": ("prpd_train.engines.warp.simulator", "WarpSimulator", "warp-lang"),
    "physx": ("prpd_train.engines.physx.simulator", "PhysxSimulator", "sapien"),
    "isaacgym": ("prpd_train.engines.isaacgym.simulator", "IsaacGymSimulator", "NVIDIA's Isaac Gym Preview 4"),
}

__all__ = ["ENGINES", "SimState", "Simulator", "make"]


def make(name: str, specs: Sequence[SceneSpec], *, device: str = "cpu", **options: Any) -> Simulator:
    """A simulator of `len(specs)` environments, not yet reset; `options` are the engine's own keyword arguments."""
    if name not in ENGINES:
        raise ValueError(f"engine {name!r} is not known; choose one of {', '.join(ENGINES)}")
    module, attribute, package = ENGINES[name]
    try:
        engine = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise RuntimeError(f"engine {name!r} needs {package}, which is not installed here: {error}") from error
    return engine(specs, device=device, **options)
