from __future__ import annotations

import dataclasses
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from prpd_train.ppo.adam import Adam
from prpd_train.ppo.config import NetworkConfig, PPOConfig
from prpd_train.ppo.episodes import EpisodeWindow
from prpd_train.ppo.learner import Learner
from prpd_train.ppo.network import ActorCritic, Gaussian, Normaliser, kl_divergence
from prpd_train.ppo.rollout import Collector, generalised_advantages

SMALL = NetworkConfig(hidden=(32, 32))


def gaussian(mean, std):
    return Gaussian(torch.tensor([mean]), torch.tensor(std).log())


def test_gaussian_agrees_with_torch():
    p, q = gaussian([0.3, -1.0], [0.5, 2.0]), gaussian([0.1, 0.4], [0.7, 1.0])
    reference = [
        torch.distributions.Independent(torch.distributions.Normal(g.mean, g.log_std.exp()), 1) for g in (p, q)
    ]
    action = torch.tensor([[0.2, 0.9]])
    torch.testing.assert_close(p.log_prob(action), reference[0].log_prob(action))
    torch.testing.assert_close(p.entropy(), reference[0].entropy()[0])
    torch.testing.assert_close(kl_divergence(p, q), torch.distributions.kl_divergence(*reference))


def test_normaliser_of_batches_equals_that_of_the_whole():
    rows = torch.randn(1000, 3) * torch.tensor([0.01, 1.0, 50.0]) + torch.tensor([5.0, 0.0, -100.0])
    normaliser = Normaliser(3)
    for part in rows.split(130):
        normaliser.update(part)
    torch.testing.assert_close(normaliser.mean, rows.double().mean(0))
    torch.testing.assert_close(normaliser.variance, rows.double().var(0, unbiased=False))
    torch.testing.assert_close(normaliser.low, rows.min(0).values)
    assert normaliser(rows).mean(0).abs().max() < 1e-2


def advantages(**changes):
    flags = torch.zeros(3, 1, dtype=torch.bool)
    inputs = dict(
        reward=torch.ones(3, 1),
        value=torch.full((3, 1), 2.0),
        next_value=torch.full((3, 1), 2.0),
        terminated=flags,
        truncated=flags,
        discount=0.9,
        gae_lambda=1.0,
    )
    return generalised_advantages(**{**inputs, **changes}).squeeze(1)


def test_advantage_of_a_running_episode_bootstraps_from_the_last_value():
    expected = 1 + 0.9 + 0.81 + 0.729 * 2 - 2
    assert advantages()[0].item() == pytest.approx(expected)


def test_termination_is_worth_nothing_afterwards_and_truncation_is_worth_its_value():
    middle = torch.tensor([[False], [True], [False]])
    assert advantages(terminated=middle)[0].item() == pytest.approx(1 + 0.9 - 2)
    assert advantages(truncated=middle)[0].item() == pytest.approx(1 + 0.9 + 0.81 * 2 - 2)


def test_success_counts_episodes_in_the_order_in_which_they_started():
    window = EpisodeWindow(2, size=4)
    for t in range(6):  # environment 0 succeeds at every step, environment 1 fails after six
        done = np.array([True, t == 5])
        window.step(np.ones(2), done, np.array([True, False]))
        if t < 5:
            assert len(window) == 1, "nothing that started after the slow episode may count before it"
    assert len(window) == 4
    assert window.success == 1.0, "the slow failure has left this window of four again"
    wide = EpisodeWindow(2, size=100)
    for t in range(6):
        wide.step(np.ones(2), np.array([True, t == 5]), np.array([True, False]))
    assert wide.success == pytest.approx(6 / 7)
    assert wide.returns.tolist() == [1.0, 6.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_success_is_certain_before_the_slowest_failures_have_ended():
    window = EpisodeWindow(2, size=4)
    never = np.array([True, False])
    for n in range(1, 5):  # environment 0 succeeds at every step, environment 1 goes on
        window.step(np.ones(2), never, never)
        assert window.certain_success == pytest.approx(min(n, 3) / 4), "the slow episode is one of the first four"
    window.step(np.ones(2), np.array([True, True]), never)
    assert window.certain_success == window.success == 1.0, "it has left the window of the last four"


def make_pendulum(mode=AutoresetMode.SAME_STEP):
    return gym.make_vec("Pendulum-v1", num_envs=4, vectorization_mode="sync", vector_kwargs={"autoreset_mode": mode})


def test_the_collector_refuses_an_autoreset_it_would_sample_wrongly():
    with pytest.raises(ValueError, match="SAME_STEP"):
        Collector(make_pendulum(AutoresetMode.NEXT_STEP))


def test_truncation_bootstraps_from_the_final_observation_not_from_the_next_episode():
    torch.manual_seed(0)
    collector = Collector(make_pendulum(), window=4)
    collector.reset(seed=0)
    network = ActorCritic(*collector.sizes, SMALL)
    generator = torch.Generator().manual_seed(0)
    rollout = collector.collect(network, horizon=201, discount=0.9, gae_lambda=0.0, generator=generator)
    # Pendulum truncates at step 200. With lambda 0 the target is reward + 0.9 * V(next); undo the known part.
    observation, action = rollout.observation[199], rollout.action[199].clamp(-1, 1)
    angle, speed = torch.atan2(observation[:, 1], observation[:, 0]), observation[:, 2]
    torque = 2 * action[:, 0]
    reward = -(angle**2 + 0.1 * speed**2 + 0.001 * torque**2)
    speed = (speed + (15 * torch.sin(angle) + 3 * torque) * 0.05).clamp(-8, 8)
    angle = angle + speed * 0.05
    final = torch.stack([torch.cos(angle), torch.sin(angle), speed], -1)
    with torch.no_grad():
        torch.testing.assert_close(rollout.target[199], reward + 0.9 * network.value(final), atol=1e-3, rtol=1e-3)


class Reach(gym.vector.VectorEnv):
    """Move a point to the origin; an episode ends there or after 20 steps."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
    num_envs = 16
    single_observation_space = gym.spaces.Box(-9, 9, (2,), np.float32)
    single_action_space = gym.spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        self.rng = np.random.default_rng(seed)
        self.x, self.t = self.rng.uniform(-1, 1, (16, 2)).astype(np.float32), np.zeros(16, int)
        return self.x.copy(), {}

    def step(self, actions):
        self.x += 0.2 * np.clip(actions, -1, 1)
        self.t += 1
        distance = np.linalg.norm(self.x, axis=1)
        success = distance < 0.15
        truncated = (self.t >= 20) & ~success
        final = self.x.copy()
        done = success | truncated
        self.x[done], self.t[done] = self.rng.uniform(-1, 1, (done.sum(), 2)), 0
        return self.x.copy(), -distance, success, truncated, {"success": success, "final_obs": final}


def learn(seed, iterations):
    torch.manual_seed(seed)
    collector = Collector(Reach(), window=100)
    collector.reset(seed=seed)
    network = ActorCritic(*collector.sizes, SMALL)
    generator = torch.Generator().manual_seed(seed)
    learner = Learner(network, PPOConfig(horizon=16), generator)
    for _ in range(iterations):
        rollout = collector.collect(network, horizon=16, discount=0.99, gae_lambda=0.95, generator=generator)
        statistics = learner.update(rollout.flat())
    return collector, network, learner, statistics


def test_ppo_learns_to_reach():
    before, *_ = learn(seed=0, iterations=2)
    after, _, _, statistics = learn(seed=0, iterations=40)
    assert after.episodes.success > 0.95 > before.episodes.success
    assert after.episodes.length < before.episodes.length
    assert 0 < statistics["kl"] < 0.2


def test_the_same_seed_gives_the_same_network():
    first, second = (learn(seed=3, iterations=3)[1].state_dict() for _ in range(2))
    other = learn(seed=4, iterations=3)[1].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_size_of_returns_does_not_change_the_policys_step():
    moved = []
    for scale in (1.0, 1e4):
        collector, network, learner, _ = learn(seed=0, iterations=1)
        generator = torch.Generator().manual_seed(5)
        rollout = collector.collect(network, horizon=16, discount=0.99, gae_lambda=0.95, generator=generator).flat()
        learner.update(dataclasses.replace(rollout, target=scale * rollout.target))
        moved.append([*network.actor.parameters(), network.log_std])
    assert all(torch.equal(small, large) for small, large in zip(*moved, strict=True))


def test_the_kl_penalty_adapts_both_ways():
    _, _, learner, _ = learn(seed=0, iterations=1)
    learner.kl_coefficient = 1.0
    learner._adapt([{"kl": 10.0}])
    assert learner.kl_coefficient == 2.0
    learner._adapt([{"kl": 0.0}])
    assert learner.kl_coefficient == 1.0
    learner._adapt([{"kl": learner.config.target_kl}])
    assert learner.kl_coefficient == 1.0


@pytest.mark.parametrize("bad", [{"discount": 1.0}, {"gae_lambda": 1.5}, {"clip": 0.0}, {"epochs": 0}])
def test_impossible_settings_are_named(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        PPOConfig(**bad)


def test_adam_moves_as_torchs_does_and_reads_what_it_saved():
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    unused = torch.nn.Parameter(torch.ones(2))
    adam = Adam([ours, unused], learning_rate=0.1, epsilon=1e-5)
    expected = torch.optim.Adam([theirs, torch.nn.Parameter(torch.ones(2))], lr=0.1, eps=1e-5)

    def step(parameter, optimiser):
        optimiser.zero_grad()
        parameter.pow(4).sum().backward()
        optimiser.step()

    for _ in range(5):
        step(ours, adam)
        step(theirs, expected)
    assert torch.equal(ours, theirs)
    assert torch.equal(unused, torch.ones(2))
    resumed = Adam([ours, unused], learning_rate=0.1, epsilon=1e-5)
    resumed.load_state_dict(expected.state_dict())
    step(ours, resumed)
    step(theirs, expected)
    assert torch.equal(ours, theirs)


def test_learning_does_not_load_torchs_compiler():
    code = (
        "import sys, torch; from prpd_train.ppo.adam import Adam; p = torch.nn.Parameter(torch.ones(1));"
        "adam = Adam([p], learning_rate=0.1); p.sum().backward(); adam.step(); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
