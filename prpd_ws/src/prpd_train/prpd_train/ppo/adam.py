"""Adam without torch's compiler.

`torch.optim.Adam` imports the compiler when it is made, though nothing is compiled here. That takes 2.5 s in the
process of every stage, as long as many a stage learns. The computation is torch's own; only the state is held here,
and saved as `torch.optim.Adam` saves it.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """Kingma and Ba (2015); parameters without a gradient stay as they are."""

    def __init__(self, parameters: Iterable[Tensor], *, learning_rate: float, epsilon: float = 1e-8) -> None:
        self.learning_rate, self.epsilon = learning_rate, epsilon
        self._parameters = list(parameters)
        self._means = [torch.zeros_like(p) for p in self._parameters]
        self._squares = [torch.zeros_like(p) for p in self._parameters]
        self._steps = [torch.zeros(()) for _ in self._parameters]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Move the parameters along their gradients."""
        rows = zip(self._parameters, self._means, self._squares, self._steps)
        moved = [(p, p.grad, m, v, s) for p, m, v, s in rows if p.grad is not None]
        parameters, gradients, means, squares, steps = (list(column) for column in zip(*moved))
        adam(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )

    def state_dict(self) -> Dict[str, Any]:
        """What a resumed run needs."""
        held = zip(self._steps, self._means, self._squares)
        return {"state": {i: {"step": s, "exp_avg": m, "exp_avg_sq": v} for i, (s, m, v) in enumerate(held)}}

    @torch.no_grad()
    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Back to where `state_dict` was taken."""
        for i, saved in state["state"].items():
            self._steps[i].copy_(saved["step"])
            self._means[i].copy_(saved["exp_avg"])
            self._squares[i].copy_(saved["exp_avg_sq"])
