"""The whole life of a simulator, under the rules that the fake enforces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from prpd_task.frames import quaternion_rotate
from prpd_train.engines import make as make_engine


@pytest.mark.parametrize("device", ["cuda:0", "cpu"])
def test_reset_and_step_keep_the_rules_and_reach_the_targets(make, specs, poses, device):
    simulator = make(specs, device=device)
    simulator.reset(range(3), specs, poses)
    np.testing.assert_allclose(simulator.state.bucket_pose, poses, atol=1e-6)
    targets = poses + np.float32([0.01, 0.02, -0.01, 0.05])
    for _ in range(3):
        simulator.step(targets, 0.1)
        np.testing.assert_allclose(simulator.state.bucket_pose, targets, atol=1e-5)
        targets = targets + np.float32(0.01)
    simulator.close()


def test_the_bucket_goes_straight_and_evenly(fake, make, specs, poses):
    simulator = make(specs)
    simulator.reset(range(3), specs, poses)
    seen = []
    fake.last().on_simulate = lambda sim: seen.append(sim.dof.reshape(3, 4, 2)[:, :, 0].copy())
    simulator.step(poses + np.float32([0.05, 0.0, -0.1, 0.2]), 0.1)
    assert len(seen) == 24
    steps = np.diff(np.array(seen), axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(np.float32([0.05, 0.0, -0.1, 0.2]) / 24, steps.shape), atol=1e-5)
    np.testing.assert_allclose(simulator.state.bucket_velocity, np.tile([0.5, 0.0, -1.0], (3, 1)), atol=2e-3)


def test_the_soil_frame_lies_where_the_settled_surface_is(make, specs, poses):
    """Whatever depth the grains settle to, the rock lies as deep under the surface as the scene has it."""
    simulator = make(specs)
    simulator.reset(range(3), specs, poses)
    state = simulator.state
    for env, spec in enumerate(specs):
        np.testing.assert_allclose(state.rock_position[env], spec.rock.position, atol=1e-5)
        corners = quaternion_rotate(np.array(spec.rock.quaternion), spec.rock.corners())
        assert state.rock_bottom[env] == pytest.approx(state.rock_position[env, 2] + corners[:, 2].min(), abs=1e-5)
        assert state.grain_count[env] == spec.grains.count


def test_rocks_are_buried_in_beds_that_settled_without_them(fake, make, specs, monkeypatch):
    """The bed's depth is measured with the rock far away, and no grain is left inside the rock."""
    heights = []

    def watch(sim):
        heights.append([sim.root[actor.index, 2] for actor in sim.actors if actor.name == "rock"])

    monkeypatch.setattr(fake.Sim, "on_simulate", staticmethod(watch))
    simulator = make(specs, settle_time=0.05)
    assert (np.array(heights[:12]) > 6.0).all()
    assert (np.array(heights[12:]) < 3.0).all()
    for env, spec in enumerate(specs):
        grains = simulator.state.grain_position[env, : spec.grains.count]
        offsets = np.abs(grains[:, None] - simulator.state.rock_position[env])
        assert (np.linalg.norm(offsets[:, 0], axis=1) > 0.5 * spec.delta).all()


def test_the_force_on_the_bucket_is_the_mean_over_the_step(fake, make, specs, poses):
    simulator = make(specs)
    simulator.reset(range(3), specs, poses)
    bodies = [
        actor.first_body + [body.name for body in actor.asset.bodies].index("bucket_for_rock")
        for env in fake.last().envs
        for actor in env.actors
        if actor.name == "bucket_for_rock"
    ]
    pushes = iter(np.arange(24.0))

    def press(sim):
        sim.contact[:] = 1000.0
        sim.contact[bodies] = [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [0.0, 0.0, next(pushes)]]

    fake.last().on_simulate = press
    simulator.step(poses, 0.1)
    np.testing.assert_allclose(simulator.state.bucket_force, [[0, 0, 0], [1, 2, 3], [0, 0, 11.5]], atol=1e-5)


def test_a_reset_puts_everything_back_and_leaves_the_others_alone(fake, make, specs, poses):
    simulator = make(specs)
    simulator.reset(range(3), specs, poses)
    before = {name: np.array(getattr(simulator.state, name)) for name in ("rock_position", "grain_position")}
    sim = fake.last()
    free = [actor.index for actor in sim.actors if not actor.asset.options.fix_base_link]

    def drift(sim):
        sim.root[free, :3] += 0.001

    sim.on_simulate = drift
    simulator.step(poses, 0.1)
    sim.on_simulate = None
    simulator.reset([1], [specs[1]], poses[1:2])
    for name, settled in before.items():
        now = np.array(getattr(simulator.state, name))
        np.testing.assert_allclose(now[1], settled[1], atol=1e-6)
        assert np.abs(now[[0, 2]] - settled[[0, 2]]).min() > 0.02
    simulator.step(poses, 0.1)
    np.testing.assert_allclose(simulator.state.rock_position[1], before["rock_position"][1], atol=1e-6)


def test_resets_between_two_steps_are_one_call(fake, make, specs, poses):
    simulator = make(specs)
    for env in (2, 0, 2, 1):
        simulator.reset([env], [specs[env]], poses[env : env + 1])
    calls = fake.last().calls
    calls.clear()
    simulator.step(poses, 0.1)
    assert calls.count("set_actor_root_state_tensor_indexed") == 1
    assert calls.count("set_dof_state_tensor_indexed") == 1
    assert calls.count("simulate") == 24
    assert calls.count("refresh_root") == 1
    assert "fetch_results" not in calls


def test_the_rock_is_held_only_while_the_soil_falls_into_place(fake, make, specs):
    make(specs, settle_time=0.1)
    calls = fake.last().calls
    assert calls.count("simulate") == 24 + 24 + 12
    assert calls.count("set_actor_root_state_tensor_indexed") == 24 + 24


def test_the_external_force_acts_on_each_rock(fake, make, specs, poses):
    simulator = make(specs)
    simulator.reset(range(3), specs, poses)
    simulator.step(poses, 0.1)
    sim = fake.last()
    rocks = [actor.first_body for actor in sim.actors if actor.name == "rock"]
    np.testing.assert_allclose(sim.forces[rocks], [spec.sample.rock_force for spec in specs], rtol=1e-6)
    assert np.count_nonzero(sim.forces) == 9


def test_an_environment_keeps_its_scene(make, specs, poses):
    simulator = make(specs)
    assert simulator.fixed_scenes
    with pytest.raises(ValueError, match="environment 0 was built with scene"):
        simulator.reset([0], [specs[1]], poses[:1])


def test_a_broken_state_is_reported_dumped_and_begun_anew(fake, make, specs, poses, tmp_path):
    simulator = make(specs)
    simulator.failures._directory = tmp_path
    simulator.reset(range(3), specs, poses)
    rock = np.array(simulator.state.rock_position)
    sim = fake.last()
    first = [actor.index for actor in sim.actors if actor.name == "soil"][0]

    def explode(sim):
        sim.root[first, :3] = np.nan

    sim.on_simulate = explode
    simulator.step(poses, 0.1)
    sim.on_simulate = None
    assert simulator.state.failed.tolist() == [True, False, False]
    assert np.isfinite(simulator.state.grain_position).all()
    np.testing.assert_allclose(simulator.state.rock_position, rock, atol=1e-6)
    (dump,) = tmp_path.glob("*.npz")
    states = np.load(dump)["grains"]
    assert np.isfinite(states[0]).all()
    assert np.isnan(states[1]).any()
    simulator.step(poses, 0.1)
    assert not simulator.state.failed.any()


def test_one_simulation_in_a_process(make, specs):
    make(specs)
    with pytest.raises(RuntimeError, match="a process for each resolution"):
        make(specs)


def test_bad_input_is_refused_before_anything_is_built(fake, make, specs, poses, monkeypatch):
    with pytest.raises(ValueError, match="position_iterations must be at least 1"):
        make(specs, position_iterations=0)
    with pytest.raises(ValueError, match="computes on 'cpu' or 'cuda:N'"):
        make(specs, device="meta")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="needs an NVIDIA GPU"):
        make(specs)
    assert not fake._last
    simulator = make(specs, device="cpu")
    simulator.reset(range(3), specs, poses)
    with pytest.raises(ValueError, match=r"rows \[1\] are not"):
        simulator.step(np.where(np.arange(3)[:, None] == 1, np.nan, poses), 0.1)
    with pytest.raises(ValueError, match="no multiple of Isaac Gym's substep"):
        simulator.step(poses, 0.0307)


def test_it_is_made_by_name(fake, specs):
    simulator = make_engine("isaacgym", specs, device="cpu")
    assert simulator.num_envs == 3
    assert isinstance(simulator.state.rock_position, np.ndarray)
