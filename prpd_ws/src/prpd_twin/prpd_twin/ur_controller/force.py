"""The force sensor at the wrist: what pushes on the tool, what the controller makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np
import pinocchio as pin

GRAVITY = 9.81
"""m/s^2, against the z axis of `base`."""
RENEWAL = 0.1
"""s, a wrench from outside that is not renewed for so long is over."""


@dataclass(frozen=True)
class Payload:
    """A mass fixed to the flange."""

    mass: float = 0.0
    """kg."""
    cog: Tuple[float, float, float] = (0.0, 0.0, 0.0)
    """m, centre of gravity in the flange's frame."""

    def wrench(self, flange: pin.SE3, tcp_position: np.ndarray) -> np.ndarray:
        """(6,) its weight, as force and torque about the TCP along the axes of `base`."""
        x, y, _ = flange.act(np.array(self.cog)) - tcp_position
        weight = self.mass * GRAVITY
        return np.array([0.0, 0.0, -weight, -y * weight, x * weight, 0.0])


class ForceSensor:
    """Wrench at the TCP along the axes of `base`: the soil's push, what the payload setting gets wrong, and noise."""

    def __init__(self, tool: Payload, *, noise: float, seed: int) -> None:
        self._tool = tool
        self._noise = noise * np.array([1.0, 1.0, 1.0, 0.05, 0.05, 0.05])
        self._rng = np.random.default_rng(seed)
        self._outside = np.zeros(6)
        self._until = 0.0
        self._zero = np.zeros(6)
        self.payload = Payload()
        self.reading = np.zeros(6)
        """As `actual_TCP_force` reports it."""
        self.unzeroed = np.zeros(6)
        """The same without the offset of `zero_ftsensor`: what the safety system looks at."""

    def push(self, wrench: Sequence[float], now: float) -> None:
        """A wrench from outside, (6,) N and N m; it lasts RENEWAL seconds."""
        values = np.asarray(wrench, float)
        if values.shape != (6,):
            raise ValueError(f"a wrench has 6 numbers, not {wrench!r}")
        if np.isfinite(values).all():
            self._outside, self._until = values, now + RENEWAL

    def set_payload(self, mass: float, cog: Optional[Sequence[float]]) -> None:
        """What the client says is on the flange; without a centre of gravity the present one is kept."""
        x, y, z = self.payload.cog if cog is None else cog
        self.payload = Payload(mass, (x, y, z))

    def zero(self) -> None:
        """Take the present reading for zero."""
        self._zero = self.unzeroed.copy()

    def cycle(self, flange: pin.SE3, tcp_position: np.ndarray, now: float) -> None:
        """Measure once."""
        self.unzeroed = self._outside if now <= self._until else np.zeros(6)
        if self.payload != self._tool:
            error = self._tool.wrench(flange, tcp_position) - self.payload.wrench(flange, tcp_position)
            self.unzeroed = self.unzeroed + error
        if self._noise.any():
            self.unzeroed = self.unzeroed + self._noise * self._rng.standard_normal(6)
        self.reading = self.unzeroed - self._zero
