"""Settled scenes are kept as rows of arrays, and come back the same to the bit, as NumPy arrays or as tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from prpd_task.arrays import to_numpy
from prpd_task.spec import TaskSpec
from prpd_train.engines import make
from prpd_train.engines.scripted import scripted_dig
from prpd_train.engines.warp.bank import SceneBank
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

TASK = TaskSpec()
START = np.array(TASK.start_pose, np.float32)


def rows(kind, environments=6):
    arrays = {"a": np.arange(environments * 2.0).reshape(-1, 2), "b": np.arange(environments)}
    return {name: torch.from_numpy(a) for name, a in arrays.items()} if kind == "torch" else arrays


@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_kept_scenes_come_back_and_the_oldest_are_forgotten(kind):
    own = rows(kind)
    bank = SceneBank(own, limit=3 * 24)
    for env, key in enumerate("xyz"):
        bank.keep(key, env)
    bank.restore({"x": [3, 4], "z": [5]})
    assert np.asarray(own["b"]).tolist() == [0, 1, 2, 0, 0, 2]
    assert np.asarray(own["a"])[4].tolist() == [0.0, 1.0]
    bank.keep("w", 1)
    assert "y" not in bank and all(key in bank for key in "xzw")
    bank.restore({"w": [0]})
    assert np.asarray(own["b"])[0] == 1
    bank.copy(2, [0, 1])
    assert np.asarray(own["b"]).tolist() == [2, 2, 2, 0, 0, 2]
    bank.clear()
    assert "x" not in bank


def test_a_bank_without_room_holds_one_scene():
    own = rows("numpy")
    bank = SceneBank(own, limit=1)
    bank.keep("x", 0)
    bank.keep("y", 1)
    assert "x" not in bank and "y" in bank


def digs(tensors):
    """Two digs in each of some scenes, of which there are more environments than scenes."""
    scenes = [make_scene(0.04, seed=seed, randomisation=Randomisation()) for seed in range(3)]
    specs = [scenes[i] for i in (0, 1, 2, 1, 0)]
    sim = make("warp", specs, tensors=tensors)
    found = []
    for _ in range(2):
        sim.reset(range(len(specs)), specs, np.tile(START, (len(specs), 1)))
        scripted_dig(sim, TASK, steps=40)
        found.append([np.array(to_numpy(a)) for a in (sim.state.rock_position, sim.state.grain_position)])
    assert isinstance(sim.state.rock_position, torch.Tensor) == tensors
    sim.close()
    return found


def test_a_scene_is_the_same_wherever_it_is_put_and_however_often():
    (rock, grains), (rock_again, grains_again) = digs(False)
    assert np.array_equal(rock[0], rock[4]) and np.array_equal(rock[1], rock[3])
    assert np.array_equal(rock, rock_again) and np.array_equal(grains, grains_again)


def test_tensors_change_nothing():
    for plain, tensors in zip(digs(False), digs(True)):
        assert all(np.array_equal(a, b) for a, b in zip(plain, tensors))
