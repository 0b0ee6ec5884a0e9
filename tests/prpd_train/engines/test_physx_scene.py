"""What is read from PhysX in one go is what its bodies say one by one."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_task.spec import TaskSpec
from prpd_train.engines import make
from prpd_train.engines.scripted import scripted_dig
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

START = np.array(TaskSpec().start_pose, np.float32)[None]


def one_by_one(scene):
    poses = [grain.entity_pose for grain in scene.grains[: scene.count]]
    return np.array([p.p for p in poses]), np.array([p.q for p in poses])[:, [1, 2, 3, 0]]


def test_grains_are_read_as_they_are_also_after_other_scenes():
    specs = [make_scene(0.04, seed=seed, randomisation=Randomisation()) for seed in (0, 1, 2)]
    sim = make("physx", specs[:1])
    for spec in specs:  # of different numbers of grains, so that bodies are switched on and off
        sim.reset([0], [spec], START)
        scripted_dig(sim, TaskSpec(), steps=25)
        scene = sim._scenes[0]
        positions, quaternions = one_by_one(scene)
        assert len(positions) == spec.grains.count
        assert np.array_equal(scene.grain_poses()[0], positions)
        assert np.array_equal(scene.grain_poses()[1], quaternions)
        assert np.array_equal(sim.state.grain_position[0, : scene.count], positions)
    assert len({spec.grains.count for spec in specs}) > 1
    sim.close()


def test_a_bucket_that_carries_the_rock_bears_its_weight():
    spec = make_scene(0.04, seed=1)
    sim = make("physx", [spec])
    sim.reset([0], [spec], START)
    forces = []
    assert scripted_dig(sim, TaskSpec(), lambda _, state: forces.append(np.array(state.bucket_force[0]))).all()
    # With the soil that lies on it; friction is left out, and the bucket's plates are nearly level.
    carried = -np.mean(forces[-10:], axis=0)[2]
    assert carried == pytest.approx(9.81 * spec.rock.mass, rel=0.35)
    # And as long as it does not move, exactly that.
    for _ in range(10):
        sim.step(sim.state.bucket_pose.copy(), 0.1)
    assert sim.state.bucket_force[0] == pytest.approx([0.0, 0.0, -9.81 * spec.rock.mass], abs=0.05)
    sim.close()


def test_the_bucket_is_where_it_was_sent_whatever_it_pushes_against():
    spec = make_scene(0.04, seed=1)
    sim, off = make("physx", [spec]), []
    sim.reset([0], [spec], START)

    def look(_, state):
        off.append(np.abs(sim._scenes[0].bucket.entity_pose.p - state.bucket_pose[0, :3]).max())

    scripted_dig(sim, TaskSpec(), look)
    assert max(off) < 1e-4
    sim.close()
