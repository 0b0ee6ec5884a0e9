"""Pure laws of motion: profiles in time, and steps of one controller cycle. Units are those of the arguments, and s."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy as np
import pinocchio as pin


@dataclass(frozen=True)
class Trapezoid:
    """A distance covered from rest to rest with limited speed and acceleration."""

    length: float
    speed: float
    acceleration: float

    def __post_init__(self) -> None:
        for name in ("speed", "acceleration"):
            if not getattr(self, name) > 0:
                raise ValueError(f"the {name} of a move must be positive, not {getattr(self, name)!r}")

    @property
    def peak(self) -> float:
        """The greatest speed on the way."""
        return min(self.speed, float(np.sqrt(self.length * self.acceleration)))

    @property
    def duration(self) -> float:
        """S."""
        return self.length / self.peak + self.peak / self.acceleration if self.length > 0 else 0.0

    def at(self, time: float) -> float:
        """Distance covered at a time since the start."""
        if time >= self.duration:
            return self.length
        ramp = self.peak / self.acceleration
        if time < ramp:
            return 0.5 * self.acceleration * time**2
        if time <= self.duration - ramp:
            return self.peak * (time - 0.5 * ramp)
        return self.length - 0.5 * self.acceleration * (self.duration - time) ** 2


class JointPath:
    """A straight line in joint space; the axis with the longest way leads and has the profile's speed."""

    def __init__(self, start: np.ndarray, goal: np.ndarray, speed: float, acceleration: float) -> None:
        self._start, self._way = start.copy(), goal - start
        self._profile = Trapezoid(float(np.abs(self._way).max()), speed, acceleration)
        self.duration = self._profile.duration

    def at(self, time: float) -> np.ndarray:
        """Joint angles at a time since the start, rad."""
        if self._profile.length == 0:
            return self._start
        return self._start + self._way * (self._profile.at(time) / self._profile.length)


class LinePath:
    """A straight line of the TCP, turning about a fixed axis on the way.

    The profile's speed is in m/s, or in rad/s where the turn is numerically the longer way.
    """

    def __init__(self, start: pin.SE3, goal: pin.SE3, speed: float, acceleration: float) -> None:
        self._start = start.copy()
        self._way = goal.translation - start.translation
        self._turn = pin.log3(start.rotation.T @ goal.rotation)
        length = max(float(np.linalg.norm(self._way)), float(np.linalg.norm(self._turn)))
        self._profile = Trapezoid(length, speed, acceleration)
        self.duration = self._profile.duration

    def at(self, time: float) -> pin.SE3:
        """Pose at a time since the start."""
        share = self._profile.at(time) / self._profile.length if self._profile.length > 0 else 1.0
        rotation = self._start.rotation @ pin.exp3(share * self._turn)
        return pin.SE3(rotation, self._start.translation + share * self._way)


def servo_step(
    joints: np.ndarray, speeds: np.ndarray, target: np.ndarray, *, lookahead: float, gain: float, period: float
) -> Tuple[np.ndarray, np.ndarray]:
    """Joint angles and speeds one period later under `servoj`.

    As its manual describes it: `gain` acts like the P term of a controller on the position error, where the present
    position is first projected `lookahead` seconds ahead along the present speed. This is a mass on a spring with
    natural frequency sqrt(gain) and damping ratio lookahead * sqrt(gain) / 2; a target that moves steadily is followed
    `lookahead` seconds late. Solved implicitly, which is stable for any gain.
    """
    new_speeds = (speeds + period * gain * (target - joints)) / (1 + period * gain * (lookahead + period))
    return joints + period * new_speeds, new_speeds


def approach(value: np.ndarray, goal: np.ndarray, step: float) -> np.ndarray:
    """`value` moved towards `goal` by at most `step` (Euclidean length)."""
    way = goal - value
    length = float(np.linalg.norm(way))
    return goal.copy() if length <= step else value + way * (step / length)


def brake(speeds: np.ndarray, step: float) -> np.ndarray:
    """`speeds` scaled down so that the fastest axis loses at most `step`."""
    fastest = float(np.abs(speeds).max())
    return np.zeros_like(speeds) if fastest <= step else speeds * (1 - step / fastest)
