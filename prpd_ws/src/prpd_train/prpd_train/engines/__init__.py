"""Simulators behind one protocol; `make` builds one by name."""

from __future__ import annotations

import importlib
from typing import Any, Sequence

from prpd_train.engines.protocol import SimState, Simulator
from prpd_train.engines.workers import WorkerSimulator
from prpd_train.scene.spec import SceneSpec

ENGINES = {
    "warp": ("prpd_train.engines.warp.simulator", "WarpSimulator", "warp-lang"),
    "physx": ("prpd_train.engines.physx.simulator", "PhysxSimulator", "sapien"),
    "isaacgym": ("prpd_train.engines.isaacgym.simulator", "IsaacGymSimulator", "NVIDIA's Isaac Gym Preview 4"),
}

__all__ = ["ENGINES", "SimState", "Simulator", "make"]


def make(name: str, specs: Sequence[SceneSpec], *, device: str = "cpu", workers: int = 1, **options: Any) -> Simulator:
    """A simulator of `len(specs)` environments, not yet reset.

    `workers` processes share the environments of an engine that runs on the CPU; `options` are the engine's own keyword
    arguments.
    """
    if name not in ENGINES:
        raise ValueError(f"engine {name!r} is not known; choose one of {', '.join(ENGINES)}")
    if workers < 1 or (workers > 1 and device != "cpu"):
        raise ValueError(f"{workers} workers on {device!r}: there must be at least one, and several only on the CPU")
    if workers > 1:
        return WorkerSimulator(name, specs, workers, device, options)
    module, attribute, package = ENGINES[name]
    try:
        engine = getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise RuntimeError(f"engine {name!r} needs {package}, which is not installed here: {error}") from error
    return engine(specs, device=device, **options)
