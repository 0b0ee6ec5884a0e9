"""The recording fake in the place of Isaac Gym. Nothing here has ever run on the real one."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

FAKES = Path(__file__).parents[3] / "fakes"


@pytest.fixture
def fake(monkeypatch):
    """The fake's `sim` module; what was built is in `fake.last()`."""
    monkeypatch.syspath_prepend(str(FAKES))
    # Like the real one it refuses to be imported after torch, which other tests have imported already.
    with monkeypatch.context() as hidden:
        hidden.delitem(sys.modules, "torch")
        importlib.import_module("isaacgym.gymapi")
    yield importlib.import_module("isaacgym.sim")
    for name in list(sys.modules):
        if name.split(".")[0] == "isaacgym" or name.startswith("prpd_train.engines.isaacgym"):
            del sys.modules[name]


@pytest.fixture
def rule_broken(fake):
    return importlib.import_module("isaacgym.rules").RuleBroken


@pytest.fixture
def specs():
    """Three different scenes of 50 mm."""
    return [make_scene(0.05, "paper", seed, Randomisation()) for seed in range(3)]


@pytest.fixture
def make(fake, monkeypatch):
    """Builds a simulator that believes in a GPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def build(specs, *, device="cuda:0", **settings):
        simulator = importlib.import_module("prpd_train.engines.isaacgym.simulator")
        chosen = importlib.import_module("prpd_train.engines.isaacgym.settings").Settings(
            **{"settle_time": 0.05, **settings}
        )
        return simulator.IsaacGymSimulator(specs, device=device, settings=chosen)

    return build


@pytest.fixture
def poses():
    """Bucket poses for three environments."""
    return np.array([[0.0, -0.2, 0.2, 0.1], [0.01, -0.21, 0.19, 0.0], [-0.02, -0.15, 0.22, -0.1]], np.float32)
