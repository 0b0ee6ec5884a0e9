"""Grains at rest sleep one by one, and wake when their load changes; the physics stays what it is with sleep off."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_task.spec import TaskSpec
from prpd_train.engines import make
from prpd_train.engines.scripted import scripted_dig
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

TASK = TaskSpec()
START = np.array(TASK.start_pose, np.float32)


def started(specs, **options):
    sim = make("warp", specs, **options)
    sim.reset(range(len(specs)), specs, np.tile(START, (len(specs), 1)))
    return sim


def test_a_settled_scene_keeps_still_to_the_bit_until_something_touches_it():
    specs = [make_scene(0.03, seed=seed) for seed in range(2)]
    sim = started(specs)
    before = np.array(sim.state.grain_position), np.array(sim.state.rock_position)
    targets = np.tile(START, (2, 1))
    for _ in range(5):
        targets[:, :2] += 0.02
        sim.step(targets, 0.1)
    assert np.array_equal(sim.state.grain_position, before[0])
    assert np.array_equal(sim.state.rock_position, before[1])


def dig(specs, **options):
    """Dig, with how far each grain moved (m) and the greatest force (N) in each scene."""
    sim = started(specs, **options)
    count = int(sim.state.grain_count.min())
    before = np.array(sim.state.grain_position)[:, :count]
    forces = []
    assert scripted_dig(sim, TASK, lambda _, state: forces.append(np.linalg.norm(state.bucket_force, axis=1))).all()
    moved = np.linalg.norm(np.array(sim.state.grain_position)[:, :count] - before, axis=2)
    sim.close()
    return moved, np.max(forces, axis=0), np.hypot(before[..., 0], before[..., 1])


def test_a_dig_wakes_what_it_disturbs_and_little_else():
    specs = [make_scene(0.02, seed=seed, footprint=(0.3, 0.3)) for seed in range(3)]
    moved, force, away = dig(specs)
    moved_awake, force_awake, _ = dig(specs, sleeping=False)
    print("share that kept still, dug away, force:", (moved[away > 0.13] == 0).mean(), (moved > 0.005).mean(), force)
    print("with sleep off:", (moved_awake[away > 0.13] == 0).mean(), (moved_awake > 0.005).mean(), force_awake)
    assert (moved[away > 0.13] == 0.0).mean() > 0.7
    # With sleep off everything creeps a little; what is dug away is the same, and the force that digs it.
    assert (moved > 0.005).mean() == pytest.approx((moved_awake > 0.005).mean(), rel=0.6)
    assert force.mean() == pytest.approx(force_awake.mean(), rel=0.2)


def test_the_batch_does_not_matter():
    specs = [make_scene(0.04, seed=seed, randomisation=Randomisation()) for seed in range(3)]
    alone = []
    for spec in specs:
        sim = started([spec])
        scripted_dig(sim, TASK, steps=40)
        alone.append(np.array(sim.state.grain_position[0, : spec.grains.spheres]))
        sim.close()
    sim = started(specs)
    scripted_dig(sim, TASK, steps=40)
    for env, (spec, x) in enumerate(zip(specs, alone)):
        assert np.array_equal(sim.state.grain_position[env, : spec.grains.spheres], x)
