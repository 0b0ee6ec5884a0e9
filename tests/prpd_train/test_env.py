from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from prpd_task.reward import RewardSpec
from prpd_train.env.config import EnvConfig, Latency, in_scene, task_for
from prpd_train.env.excavation import STATE_SIZE, Excavation
from prpd_train.env.gym_env import ExcavationVectorEnv
from prpd_train.scene.randomisation import Randomisation

PLAIN = EnvConfig(randomisation=Randomisation.off(), latency=Latency.off(), scenes=2)
FULL = EnvConfig(scenes=8)


def make(kinematic, config=PLAIN, n=4, seed=0):
    return Excavation(config, delta=0.07, num_envs=n, seed=seed, make_simulator=kinematic)


def scoop(env):
    """A hand-written policy that excavates in the kinematic world: behind and below the rock, forward, up."""
    pose, rock = (torch.as_tensor(getattr(env.simulator.state, name)) for name in ("bucket_pose", "rock_position"))
    floor = rock[:, 2] - 0.03
    inside = (rock[:, 1] - pose[:, 1]).abs() < 0.06
    low = pose[:, 2] < floor + 0.005
    goal = torch.stack([rock[:, 0], rock[:, 1], floor, 0 * floor], -1)
    goal[~inside & ~low, 1] = rock[~inside & ~low, 1] - 0.2
    goal[inside & (low | (rock[:, 2] > pose[:, 2])), 2] = 0.25
    return (goal - env.target) / torch.tensor(env.config.task.action_scale)


def play(env, steps=100, policy=scoop):
    env.reset()
    return [env.step(policy(env)) for _ in range(steps)]


def test_a_scoop_succeeds_terminates_and_starts_again(kinematic):
    env = make(kinematic)
    steps = play(env)
    ends = [s for s in steps if s.terminated.any()]
    assert ends
    first = ends[0]
    assert first.success.all() and not first.truncated.any()
    assert (first.reward > RewardSpec().success).all()
    assert (env.steps <= 100).all()
    torch.testing.assert_close(first.observation[:, :3], torch.tensor(PLAIN.task.start_pose[:3]).expand(4, 3))
    assert (first.final_observation[:, 2] > 0.05).all(), "the final observation is of the raised bucket"
    assert first.state.shape == (4, STATE_SIZE)


def test_success_needs_the_hold_without_a_break(kinematic):
    env = make(kinematic)
    steps = play(env, steps=60)
    counts = [i for i, s in enumerate(steps) if s.success.any()]
    env = make(kinematic, replace(PLAIN, task=replace(PLAIN.task, success=replace(PLAIN.task.success, hold_time=0.1))))
    sooner = [i for i, s in enumerate(play(env, steps=60)) if s.success.any()]
    assert counts[0] == sooner[0] + 4


def test_an_idle_episode_is_truncated_and_earns_nothing(kinematic):
    env = make(kinematic, replace(PLAIN, task=replace(PLAIN.task, max_steps=10)))
    steps = play(env, steps=10, policy=lambda env: torch.zeros(4, 4))
    assert steps[-1].truncated.all() and not steps[-1].terminated.any() and not steps[-1].success.any()
    assert sum(s.reward for s in steps).abs().max() < 1e-6


def test_a_rock_out_of_reach_ends_the_episode_as_lost(kinematic):
    env = make(kinematic)
    env.reset()
    env.simulator.state.rock_position[1] = [0.6, 0.0, 0.0]
    step = env.step(torch.zeros(4, 4))
    assert step.terminated.tolist() == [False, True, False, False]
    assert not step.success.any()
    assert step.reward[1] < -0.9


def test_grains_that_jam_like_boulders_may_press_harder():
    limits = [PLAIN.force_limit(delta) for delta in (0.01, 0.06, 0.07, 0.1)]
    assert limits == [PLAIN.force_stop, PLAIN.force_stop, PLAIN.force_stop_coarse, PLAIN.force_stop_coarse]
    assert PLAIN.force_limit(0.065) == pytest.approx((PLAIN.force_stop + PLAIN.force_stop_coarse) / 2)
    assert EnvConfig(force_stop_from=0.08).force_limit(0.09) == EnvConfig().force_stop_coarse


def test_a_bucket_that_moves_soil_may_press_harder():
    solid = in_scene(PLAIN, "solid")
    assert (solid.scene, solid.task.bucket.shape) == ("solid", "solid")
    assert solid.force_limit(0.01) > PLAIN.force_limit(0.01)
    assert in_scene(PLAIN, "paper") == PLAIN


def test_beds_hold_rocks_of_all_shapes_asked_for_in_turn(kinematic):
    env = make(kinematic, replace(PLAIN, rock_shapes=("cube", "plate"), scenes=4))
    assert [scene.rock.shape for scene in env.scenes] == ["cube", "plate"] * 2
    with pytest.raises(ValueError, match="rock_shapes must be some of cube, plate, natural, not .'ball'"):
        EnvConfig(rock_shapes=("ball",))


def test_too_much_force_stops_the_arm_and_loses_the_episode(kinematic):
    env = make(kinematic)
    env.force_limit = 80.0
    env.reset()
    env.simulator.pressed = {1: 150.0, 2: 50.0}
    step = env.step(torch.zeros(4, 4))
    assert step.terminated.tolist() == [False, True, False, False]
    assert not step.success.any() and step.reward[1] < -0.9
    env.force_limit = float("inf")
    env.simulator.pressed = {1: 150.0}
    assert not env.step(torch.zeros(4, 4)).terminated.any()


def test_a_simulation_that_breaks_down_is_cut_off_and_leaves_no_nan(kinematic):
    env = make(kinematic)
    env.reset()
    env.simulator.broken = [2]
    step = env.step(torch.zeros(4, 4))
    assert step.truncated.tolist() == [False, False, True, False]
    assert step.reward[2] == 0
    for tensor in (step.observation, step.state, step.reward, step.final_observation, step.final_state):
        assert torch.isfinite(tensor).all()
    assert not env.simulator.state.failed.any(), "the environment was reset"


def test_the_bucket_follows_late_by_the_lag(kinematic):
    config = replace(PLAIN, latency=Latency((0.05, 0.05), (0.0, 0.0)))
    env = make(kinematic, config)
    env.reset()
    forward = torch.zeros(4, 4)
    forward[:, 1] = 0.5
    for _ in range(12):
        env.step(forward)
    behind = env.target[:, 1] - torch.as_tensor(env.simulator.state.bucket_pose[:, 1])
    speed = 0.5 * PLAIN.task.action_scale[1] / PLAIN.task.control_period
    torch.testing.assert_close(behind, torch.full((4,), 0.05 * speed), rtol=0.02, atol=1e-5)


def test_the_observation_is_late_by_the_delay(kinematic):
    config = replace(PLAIN, latency=Latency((0.0, 0.0), (0.15, 0.15)))
    env = make(kinematic, config)
    env.reset()
    rock = env.simulator.state.rock_position
    rock_before = float(rock[0, 2])
    seen = []
    for height in (0.1, 0.2, 0.3):
        rock[:, 2] = height
        seen.append(env.step(torch.zeros(4, 4)).observation[0, 6].item())
    assert seen[1:] == pytest.approx([0.5 * (rock_before + 0.1), 0.5 * (0.1 + 0.2)], abs=1e-6)


def test_the_bucket_is_observed_where_it_was_sent(kinematic):
    env = make(kinematic, replace(PLAIN, latency=Latency((0.2, 0.2), (0.0, 0.0))))
    env.reset()
    step = env.step(torch.ones(4, 4))
    torch.testing.assert_close(step.observation[:, :4], env.target)
    assert not np.allclose(env.simulator.state.bucket_pose, env.target)


def test_measurement_errors_have_the_sizes_asked_for(kinematic):
    env = make(kinematic, replace(FULL, latency=Latency.off()), n=256)
    env.reset()
    seen = torch.stack([env._observe() for _ in range(200)])
    true = torch.as_tensor(env.simulator.state.rock_position)
    error = seen[..., 4:7] - true
    bias = error.mean(0)
    assert 0.015 < bias[:, :2].abs().max() < 0.035
    assert (error - env.bias)[..., :2].abs().max() <= 0.025 + 1e-6
    assert error[..., 2].abs().max() < 1e-6, "height is not disturbed"
    wrong = seen[..., 7].mean().item()  # the rock is in no bucket
    assert wrong == pytest.approx(0.2, abs=0.02)


def test_starts_are_spread_and_stay_in_the_air_and_the_workspace(kinematic):
    env = make(kinematic, FULL, n=256)
    observation, _ = env.reset()
    start = env.target
    assert (start[:, 2] >= FULL.task.start_height - 1e-6).all()
    assert (start <= torch.tensor(FULL.task.workspace_high) + 1e-6).all()
    assert start[:, :3].std(0).min() > 0.05


def test_actions_beyond_the_limits_and_nan_do_no_harm(kinematic):
    env = make(kinematic)
    env.reset()
    before = env.target.clone()
    action = torch.full((4, 4), 50.0)
    action[0] = float("nan")
    env.step(action)
    torch.testing.assert_close(env.target[0], before[0])
    torch.testing.assert_close(env.target[1] - before[1], torch.tensor(PLAIN.task.action_scale))


def test_gymnasium_contract_and_the_same_episodes_from_the_same_seed(kinematic):
    env = ExcavationVectorEnv(FULL, num_envs=8, seed=1, make_simulator=kinematic)
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    actions = np.random.default_rng(0).uniform(-1, 1, (140, 8, 4)).astype(np.float32)

    def play_out():
        rows = [env.reset(seed=5)[0]]
        for action in actions:
            observation, reward, terminated, truncated, info = env.step(action)
            assert observation in env.observation_space
            assert reward.shape == terminated.shape == truncated.shape == (8,)
            np.testing.assert_array_equal(info["_final_obs"], terminated | truncated)
            rows.append(observation)
        return np.stack(rows)

    first, second = play_out(), play_out()
    np.testing.assert_array_equal(first, second)
    env.close()
    assert env.core.simulator.closed


def test_rsl_rl_sees_two_groups_and_time_outs(kinematic):
    from prpd_train.env.rsl_env import RslVecEnv

    env = RslVecEnv(replace(FULL, task=replace(FULL.task, max_steps=5)), num_envs=3, make_simulator=kinematic)
    groups = env.get_observations()
    assert groups["actor"].shape == (3, 8) and groups["critic"].shape == (3, 8 + STATE_SIZE)
    for _ in range(5):
        groups, reward, done, extras = env.step(torch.zeros(3, 4))
    assert done.tolist() == [1, 1, 1] and extras["time_outs"].all()
    assert extras["log"]["/success"] == 0


def test_the_extended_preset_observes_thirteen_numbers(kinematic):
    env = make(kinematic, EnvConfig(task=task_for("paper", preset="extended"), scenes=2))
    observation, _ = env.reset()
    assert observation.shape == (4, 13)


def test_settings_that_contradict_each_other_are_named():
    with pytest.raises(ValueError, match="solid"):
        EnvConfig(scene="solid")
    with pytest.raises(ValueError, match="beyond which no policy acts"):
        EnvConfig(latency=Latency((0.0, 0.0), (0.0, 0.3)))
    with pytest.raises(ValueError, match="bucket_lag"):
        Latency(bucket_lag=(0.1, 0.0))


def test_scenes_join_in_one_by_one(kinematic):
    drawn = []

    def simulator(specs):
        sim = kinematic(specs)
        reset = sim.reset

        def note(env_ids, specs, poses):
            drawn.append({spec.seed for spec in specs})
            reset(env_ids, specs, poses)

        sim.reset = note
        return sim

    env = Excavation(
        replace(FULL, first_scenes=2, scene_interval=4), delta=0.07, num_envs=3, seed=1, make_simulator=simulator
    )
    seeds = [spec.seed for spec in env.scenes]
    for steps in (0, 8, 100):
        env.age = steps
        drawn.clear()
        for _ in range(200):
            env.reset()
        assert set().union(*drawn) == set(seeds[: 2 + steps // 4]), f"after {steps} steps"
    env.seed(1)
    assert env.age == 0, "a seed restarts the draws"


def test_an_engine_that_gives_tensors_gives_the_same_episodes():
    from prpd_train.engines import make as make_engine

    def play_on(tensors):
        simulator = lambda specs: make_engine("warp", specs, tensors=tensors)  # noqa: E731
        env = Excavation(replace(FULL, scenes=3), delta=0.07, num_envs=4, seed=1, make_simulator=simulator)
        generator = torch.Generator().manual_seed(0)
        env.reset()
        steps = [env.step(2 * torch.rand(4, 4, generator=generator) - 1) for _ in range(12)]
        env.close()
        return torch.stack([torch.cat([s.final_observation, s.final_state, s.reward[:, None]], -1) for s in steps])

    assert torch.equal(play_on(False), play_on(True))
