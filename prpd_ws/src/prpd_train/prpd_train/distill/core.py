"""Distillation as one small function of student, teachers, states, loss, weights and schedule.

A *policy* is any callable from states to a `Gaussian`. `loss` compares one teacher's distributions with the student's,
state by state. `weights` says how much each teacher counts, overall or at each state. `schedule` scales the whole.
Conservative transfer is the case of two teachers: the policy before the update, and the one of the stage before.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Sequence, Union

import torch
from torch import Tensor

from prpd_train.ppo.adam import Adam
from prpd_train.ppo.network import Gaussian, kl_divergence

Policy = Callable[[Tensor], Gaussian]
Loss = Callable[[Gaussian, Gaussian], Tensor]
"""(teacher, student) -> (...) per state."""
Weight = Union[float, Tensor]
"""Of a teacher: one number, or one per state."""


def mean_squared_error(teacher: Gaussian, student: Gaussian) -> Tensor:
    """Of the mean actions; leaves the student's spread alone."""
    return (teacher.mean - student.mean).square().mean(-1)


def reverse_kl(teacher: Gaussian, student: Gaussian) -> Tensor:
    """KL(student || teacher): settles on one of several teachers where they differ."""
    return kl_divergence(student, teacher)


LOSSES: Dict[str, Loss] = {"kl": kl_divergence, "reverse_kl": reverse_kl, "mse": mean_squared_error}


def distillation_loss(
    student: Gaussian, teachers: Sequence[Gaussian], *, weights: Sequence[Weight], loss: Loss = kl_divergence
) -> Tensor:
    """Weighted sum over teachers, mean over states.

    With the forward KL and weights that sum to 1 its gradient is exactly that of KL(mixture || student), where the
    mixture draws its action from a teacher chosen with these probabilities: the mixture's own entropy does not depend
    on the student, and what is left is linear in the mixture.
    """
    if len(teachers) != len(weights) or not teachers:
        raise ValueError(
            f"{len(teachers)} teachers and {len(weights)} weights; give one weight to each of at least one teacher"
        )
    total = torch.zeros((), device=student.mean.device)
    for teacher, weight in zip(teachers, weights):
        total = total + (weight * loss(teacher, student)).mean()
    return total


def distill(
    student: torch.nn.Module,
    teachers: Sequence[Policy],
    states: Tensor,
    *,
    policy: Policy,
    weights: Sequence[Weight],
    loss: Loss = kl_divergence,
    schedule: Callable[[int], float] = lambda step: 1.0,
    steps: int = 1000,
    batch: int = 256,
    learning_rate: float = 1e-3,
    generator: torch.Generator,
) -> List[float]:
    """Fit a student to its teachers on states (n, ...), without an environment; returns the loss of each step.

    `policy` maps states to the student's distributions (for an `ActorCritic`, its `policy` method); `schedule` is the
    coefficient at each step.
    """
    if len(states) == 0:
        raise ValueError("there is no state to distil on")
    with torch.no_grad():
        targets = [teacher(states) for teacher in teachers]
    optimiser = Adam(student.parameters(), learning_rate=learning_rate)
    history: List[float] = []
    for step in range(steps):
        index = torch.randint(len(states), (batch,), generator=generator, device=states.device)
        picked = [Gaussian(t.mean[index], t.log_std[index] if t.log_std.ndim > 1 else t.log_std) for t in targets]
        shares = [w[index] if isinstance(w, Tensor) and w.ndim > 0 else w for w in weights]
        value = schedule(step) * distillation_loss(policy(states[index]), picked, weights=shares, loss=loss)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        history.append(value.item())
    return history
