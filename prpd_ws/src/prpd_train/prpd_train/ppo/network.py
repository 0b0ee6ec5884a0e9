"""Policy, value and Q network in one module, with the normalisation of their inputs inside."""

from __future__ import annotations

import math
from typing import List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from prpd_train.ppo.config import NetworkConfig


class Gaussian(NamedTuple):
    """Independent normal distributions of the actions: `mean` (..., a), `log_std` broadcastable to it."""

    mean: Tensor
    log_std: Tensor

    def log_prob(self, action: Tensor) -> Tensor:
        """(...) log density of actions (..., a)."""
        z = (action - self.mean) * torch.exp(-self.log_std)
        return -(0.5 * z * z + self.log_std + 0.5 * math.log(2 * math.pi)).sum(-1)

    def entropy(self) -> Tensor:
        """(...) nats."""
        return (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum(-1)

    def sample(self, generator: torch.Generator) -> Tensor:
        """One action (..., a) of each."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device, dtype=self.mean.dtype)
        return self.mean + torch.exp(self.log_std) * noise


def kl_divergence(p: Gaussian, q: Gaussian) -> Tensor:
    """KL(p || q) in nats (...), closed form."""
    squared = torch.exp(2 * (p.log_std - q.log_std)) + ((p.mean - q.mean) * torch.exp(-q.log_std)) ** 2
    return (q.log_std - p.log_std + 0.5 * (squared - 1)).sum(-1)


class Normaliser(nn.Module):
    """Shift and scale to zero mean and unit variance, from running statistics; limits remember the range seen."""

    count: Tensor
    mean: Tensor
    variance: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.tensor(0.0, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(size, dtype=torch.float64))
        self.register_buffer("low", torch.full((size,), math.inf))
        self.register_buffer("high", torch.full((size,), -math.inf))

    @torch.no_grad()
    def update(self, batch: Tensor) -> None:
        """Take in rows (..., size) (Chan, Golub and LeVeque's pairwise update)."""
        rows = batch.reshape(-1, batch.shape[-1]).double()
        n = rows.shape[0]
        mean, variance = rows.mean(0), rows.var(0, unbiased=False)
        total = self.count + n
        delta = mean - self.mean
        spread = self.variance * self.count + variance * n + delta**2 * self.count * n / total
        self.mean.add_(delta * n / total)
        self.variance.copy_(spread / total)
        self.count.copy_(total)
        self.low.copy_(torch.minimum(self.low, rows.min(0).values.float()))
        self.high.copy_(torch.maximum(self.high, rows.max(0).values.float()))

    def forward(self, rows: Tensor) -> Tensor:
        """Normalised rows, cut off where they are absurd."""
        scale = torch.rsqrt(self.variance + 1e-8).float()
        return torch.clamp((rows - self.mean.float()) * scale, -8.0, 8.0)


class Differences(nn.Module):
    """Append `x[i] - x[j]` for the pairs (i, j): what is near zero matters more finely than where both are."""

    def __init__(self, pairs: Sequence[Tuple[int, int]]) -> None:
        super().__init__()
        self.first = [i for i, _ in pairs]
        self.second = [j for _, j in pairs]

    def forward(self, rows: Tensor) -> Tensor:
        """Rows with the differences behind them."""
        if not self.first:
            return rows
        return torch.cat([rows, rows[..., self.first] - rows[..., self.second]], -1)


def mlp(sizes: Sequence[int], gain: float) -> nn.Sequential:
    """Fully connected layers with ELU between them; `gain` is of the last layer's initial weights."""
    layers: list = []
    for i, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:])):
        last = i == len(sizes) - 2
        linear = nn.Linear(fan_in, fan_out)
        nn.init.orthogonal_(linear.weight, gain if last else math.sqrt(2))
        nn.init.zeros_(linear.bias)
        layers += [linear] if last else [linear, nn.ELU()]
    return nn.Sequential(*layers)


class ActorCritic(nn.Module):
    """The policy sees the observation; value and Q network see a state, which may hold more than can be measured."""

    def __init__(
        self,
        observation_size: int,
        state_size: int,
        action_size: int,
        config: NetworkConfig,
        *,
        differences: Sequence[Tuple[int, int]] = (),
    ) -> None:
        super().__init__()
        self.sizes = (observation_size, state_size, action_size)
        self.min_log_std = math.log(config.min_std)
        self.differences = Differences(differences)
        features = observation_size + len(differences)
        self.normaliser = Normaliser(features)
        self.state_normaliser = Normaliser(state_size)
        self.actor = mlp([features, *config.hidden, action_size], gain=0.01)
        self.log_std = nn.Parameter(torch.full((action_size,), math.log(config.initial_std)))
        self.critic = mlp([state_size, *config.hidden, 1], gain=1.0)
        self.q_network = mlp([state_size + action_size, *config.hidden, 1], gain=1.0)

    def policy(self, observation: Tensor) -> Gaussian:
        """Distribution of actions; 1 is a full increment, and what is beyond is cut off by the environment."""
        mean = self.actor(self.normaliser(self.differences(observation)))
        return Gaussian(mean, torch.clamp(self.log_std, min=self.min_log_std))

    def act(self, observation: Tensor) -> Tensor:
        """The deterministic policy: the mean, cut to [-1, 1]."""
        return torch.clamp(self.policy(observation).mean, -1.0, 1.0)

    def value(self, state: Tensor) -> Tensor:
        """Expected discounted return (...) from a state."""
        return self.critic(self.state_normaliser(state)).squeeze(-1)

    def q_value(self, state: Tensor, action: Tensor) -> Tensor:
        """Expected discounted return (...) of an action in a state, and of this policy after it."""
        inputs = torch.cat([self.state_normaliser(state), torch.clamp(action, -1.0, 1.0)], -1)
        return self.q_network(inputs).squeeze(-1)

    def parts(self) -> Tuple[List[nn.Parameter], ...]:
        """Parameters of policy, value network and Q network, which share none."""
        return (
            [*self.actor.parameters(), self.log_std],
            list(self.critic.parameters()),
            list(self.q_network.parameters()),
        )

    def observe(self, observation: Tensor, state: Tensor) -> None:
        """Take an iteration's inputs into the normalisation."""
        self.normaliser.update(self.differences(observation))
        self.state_normaliser.update(state)
