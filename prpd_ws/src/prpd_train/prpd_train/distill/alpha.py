"""How much of the teacher to keep: the mixture rate alpha, from Q values or from returns."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from prpd_train.ppo.network import ActorCritic


def teacher_advantage(student: ActorCritic, *, student_action: Tensor, teacher_action: Tensor, state: Tensor) -> Tensor:
    """Q(s, teacher's action) - Q(s, student's action) (n,) on the student's own states, by the student's Q network."""
    return student.q_value(state, teacher_action) - student.q_value(state, student_action)


def alpha_from_advantage(advantage: Tensor, *, alpha_0: float) -> float:
    """1 while the teacher is no worse than the student, falling to 0 as the student gets better.

    `advantage` (n,) is the teacher's over the student. Conservative policy iteration takes, from the teacher towards
    the student, a step in proportion to mean / scale of the student's advantage; `alpha_0` collects its constants. The
    scale is the root mean square, so that the ratio lies in [-1, 1] whatever the signs, and no single sample sets it.
    """
    scale = float(advantage.square().mean().sqrt())
    if not scale > 1e-6:
        return 1.0
    return float(np.clip(1.0 + alpha_0 * float(advantage.mean()) / scale, 0.0, 1.0))


def alpha_from_returns(student: np.ndarray, teacher: np.ndarray, *, alpha_0: float) -> float:
    """The same from episode returns alone: of the student now, and of the teacher on this grain size.

    1 where either is not known yet.
    """
    if len(student) == 0 or len(teacher) == 0:
        return 1.0
    scale = float(np.sqrt(0.5 * (student.var() + teacher.var())))
    if not scale > 1e-6:
        return 1.0
    return float(np.clip(1.0 - alpha_0 * (student.mean() - teacher.mean()) / scale, 0.0, 1.0))


def greedy(network: ActorCritic, observation: Tensor) -> Tensor:
    """Deterministic actions (n, a)."""
    with torch.no_grad():
        return network.act(observation)
