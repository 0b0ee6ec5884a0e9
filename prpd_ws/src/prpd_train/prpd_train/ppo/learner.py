"""The PPO update. What is added to it, such as a transfer from an earlier policy, comes in as a term of the loss."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Protocol

import torch
from torch import Tensor

from prpd_train.ppo.adam import Adam
from prpd_train.ppo.config import PPOConfig
from prpd_train.ppo.distributed import Group
from prpd_train.ppo.network import ActorCritic, Gaussian, kl_divergence
from prpd_train.ppo.rollout import Rollout


class LossTerm(Protocol):
    """Something that also wants a say in the update."""

    def loss(self, student: Gaussian, index: Tensor) -> Tensor:
        """A scalar, for the student's distribution at the samples `index` of the flat rollout."""


@dataclass
class Learner:
    """Holds the optimiser and the adaptive KL coefficient of one network."""

    network: ActorCritic
    config: PPOConfig
    generator: torch.Generator
    group: Group = field(default_factory=Group)
    optimiser: Adam = field(init=False)
    kl_coefficient: float = field(init=False)

    def __post_init__(self) -> None:
        self.optimiser = Adam(self.network.parameters(), learning_rate=self.config.learning_rate, epsilon=1e-5)
        self.kl_coefficient = self.config.kl_penalty

    def update(self, rollout: Rollout, term: Optional[LossTerm] = None) -> Dict[str, float]:
        """Improve the network on a flat rollout; returns means over all minibatches."""
        config, count = self.config, rollout.action.shape[0]
        size = -(-count // config.minibatches)
        records: List[Dict[str, float]] = []
        for _ in range(config.epochs):
            order = torch.randperm(count, generator=self.generator, device=rollout.action.device)
            records += [self._step(rollout, index, term) for index in order.split(size)]
        self.network.observe(self.group.gather(rollout.observation), self.group.gather(rollout.state))
        means = {name: sum(r[name] for r in records) / len(records) for name in records[0]}
        self._adapt(records[-config.minibatches :])
        means["kl_coefficient"] = self.kl_coefficient
        spread = rollout.target.var()
        means["explained_variance"] = float(1 - (rollout.target - rollout.value).var() / (spread + 1e-8))
        return means

    def _step(self, rollout: Rollout, index: Tensor, term: Optional[LossTerm]) -> Dict[str, float]:
        config, network = self.config, self.network
        student = network.policy(rollout.observation[index])
        old = Gaussian(rollout.old.mean[index], rollout.old.log_std)
        advantage = rollout.advantage[index]
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        ratio = torch.exp(student.log_prob(rollout.action[index]) - rollout.log_prob[index])
        clipped = torch.clamp(ratio, 1 - config.clip, 1 + config.clip)
        policy_loss = -torch.minimum(ratio * advantage, clipped * advantage).mean()
        kl = kl_divergence(old, student).mean()
        state, target = rollout.state[index], rollout.target[index]
        value_loss = (network.value(state) - target).square().mean()
        q_loss = (network.q_value(state, rollout.action[index]) - target).square().mean()
        entropy = student.entropy().mean()
        loss = (
            policy_loss
            + self.kl_coefficient * kl
            + config.value_weight * value_loss
            - config.entropy_weight * entropy
            + config.q_weight * q_loss
        )
        transfer = term.loss(student, index) if term is not None else torch.zeros_like(loss)
        self.optimiser.zero_grad()
        (loss + transfer).backward()
        self.group.average_gradients(network)
        for part in network.parts():
            torch.nn.utils.clip_grad_norm_(part, config.max_gradient)
        self.optimiser.step()
        return {
            "policy_loss": policy_loss.item(),
            "value_loss": value_loss.item(),
            "q_loss": q_loss.item(),
            "transfer_loss": transfer.item(),
            "kl": kl.item(),
            "entropy": entropy.item(),
            "clip_fraction": ((ratio - 1).abs() > config.clip).float().mean().item(),
        }

    def _adapt(self, last_epoch: List[Dict[str, float]]) -> None:
        """More penalty where the policy moved too far, less where it barely moved (Schulman et al., 2017)."""
        kl = self.group.mean(sum(r["kl"] for r in last_epoch) / len(last_epoch))
        if kl > 1.5 * self.config.target_kl:
            self.kl_coefficient = min(2 * self.kl_coefficient, 100.0)
        elif kl < self.config.target_kl / 1.5:
            self.kl_coefficient = max(self.kl_coefficient / 2, 0.05)

    def state_dict(self) -> Dict[str, Any]:
        """What a resumed run needs beside the network's parameters."""
        return {"optimiser": self.optimiser.state_dict(), "kl_coefficient": self.kl_coefficient}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Back to where `state_dict` was taken."""
        self.optimiser.load_state_dict(state["optimiser"])
        self.kl_coefficient = state["kl_coefficient"]
