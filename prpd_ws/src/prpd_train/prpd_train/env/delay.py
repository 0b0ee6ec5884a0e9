"""What sensors say is old: a short memory of measurements, read at an age of its own in every environment."""

from __future__ import annotations

import math

import torch
from torch import Tensor


class DelayLine:
    """The last measurements (N, k), one row in time per control step."""

    def __init__(self, longest: float, rows: Tensor) -> None:
        """For ages of up to `longest` steps; `rows` (N, k) is what has always been so far."""
        self._past = rows.repeat(math.ceil(longest) + 1, 1, 1)

    def push(self, rows: Tensor) -> None:
        """The measurements (N, k) after another step."""
        self._past = torch.cat([rows[None], self._past[:-1]])

    def restart(self, index: Tensor, rows: Tensor) -> None:
        """In the environments `index`, forget what was, as if `rows` (len(index), k) had always been."""
        self._past[:, index] = rows

    def read(self, age: Tensor) -> Tensor:
        """The measurements (N, k) `age` (N,) steps ago, between two steps by linear interpolation."""
        last = len(self._past) - 1
        newer = torch.clamp(age.floor().long(), max=last)
        older = torch.clamp(newer + 1, max=last)
        envs = torch.arange(len(age), device=age.device)
        return torch.lerp(self._past[newer, envs], self._past[older, envs], (age - newer)[:, None])
