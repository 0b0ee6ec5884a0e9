"""Conservative policy transfer: learn on the new grain size without forgetting the old one faster than it pays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from prpd_train.distill.alpha import alpha_from_advantage, alpha_from_returns, greedy, teacher_advantage
from prpd_train.distill.config import TransferConfig
from prpd_train.distill.core import distillation_loss
from prpd_train.ppo.network import ActorCritic, Gaussian
from prpd_train.ppo.rollout import Rollout


@dataclass
class ConservativeTransfer:
    """The term `c3 * KL((1 - alpha) * pi_old + alpha * pi_teacher || pi)` of the combined loss.

    Its gradient is that of a distillation with two teachers (see `distillation_loss`).
    """

    teacher: ActorCritic
    config: TransferConfig
    alpha: float = 1.0
    teacher_returns: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Of the teacher on this grain size: those of the first episodes, which the copied policy began."""
    _targets: Optional[Tuple[Gaussian, Gaussian]] = None

    @torch.no_grad()
    def begin(self, student: ActorCritic, rollout: Rollout, returns: np.ndarray) -> None:
        """Before an update: estimate alpha on a flat rollout, and let both teachers answer on its states."""
        estimate = self._estimate(student, rollout, returns)
        if self.config.alpha == "fixed":
            self.alpha = estimate
        else:
            self.alpha = self.config.smoothing * self.alpha + (1 - self.config.smoothing) * estimate
        self._targets = (rollout.old, self.teacher.policy(rollout.observation))

    def _estimate(self, student: ActorCritic, rollout: Rollout, returns: np.ndarray) -> float:
        if self.config.alpha == "fixed":
            return self.config.fixed_alpha
        if self.config.alpha == "returns":
            return alpha_from_returns(returns, self.teacher_returns, alpha_0=self.config.alpha_0)
        advantage = teacher_advantage(
            student,
            student_action=greedy(student, rollout.observation),
            teacher_action=greedy(self.teacher, rollout.observation),
            state=rollout.state,
        )
        return alpha_from_advantage(advantage, alpha_0=self.config.alpha_0)

    def loss(self, student: Gaussian, index: Tensor) -> Tensor:
        """Of the samples `index` of the rollout that was begun with."""
        if self._targets is None:
            raise RuntimeError("begin the transfer with a rollout before asking for its loss")
        teachers = [Gaussian(target.mean[index], target.log_std) for target in self._targets]
        weights = [1 - self.alpha, self.alpha]
        return self.config.weight * distillation_loss(student, teachers, weights=weights)
