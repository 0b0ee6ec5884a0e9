"""Settings of networks and PPO. The fields are the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class NetworkConfig:
    """Shapes of policy, value and Q network."""

    hidden: Tuple[int, ...] = (128, 128)
    """Units of each hidden layer."""
    initial_std: float = 0.5
    """Of the actions, before learning. With less, a policy may not come upon the task for long."""
    min_std: float = 0.05
    """Exploration never falls below this, so that KL and ratios stay well conditioned."""


@dataclass(frozen=True)
class PPOConfig:
    """One iteration of PPO: how much is collected, and how it is used."""

    horizon: int = 32
    """Steps of each environment in an iteration."""
    epochs: int = 5
    """Passes over an iteration's samples."""
    minibatches: int = 4
    """In each pass."""
    learning_rate: float = 1e-3
    discount: float = 0.99
    """Paper: 0.99."""
    gae_lambda: float = 0.95
    clip: float = 0.2
    """Of the probability ratio. Paper: 0.2."""
    target_kl: float = 0.02
    """Wanted KL divergence between the policies before and after an iteration; steers the penalty."""
    kl_penalty: float = 0.5
    """First coefficient of the KL penalty; adapted after each iteration. Paper: adaptive."""
    value_weight: float = 0.5
    """c1 of the combined loss."""
    entropy_weight: float = 0.002
    """c2 of the combined loss. With 0, noise can fall for good before a policy comes upon the task."""
    q_weight: float = 0.5
    """c4 of the combined loss: of the auxiliary Q network."""
    max_gradient: float = 1.0
    """Norm to which the gradients of policy, value and Q network are cut, each by itself: where returns are large, the
    value network's would leave nothing of the policy's."""

    def __post_init__(self) -> None:
        if not 0 < self.discount < 1:
            raise ValueError(f"discount must lie between 0 and 1, not {self.discount!r}")
        if not 0 <= self.gae_lambda <= 1:
            raise ValueError(f"gae_lambda must lie in [0, 1], not {self.gae_lambda!r}")
        for name in ("horizon", "epochs", "minibatches", "learning_rate", "clip", "target_kl"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")
