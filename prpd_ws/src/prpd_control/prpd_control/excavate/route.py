"""Motions of the excavation's own, in free air: at a limited speed, and checked for arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


class NotArrivedError(RuntimeError):
    """The bucket did not reach the pose that it was sent to."""


@dataclass(frozen=True)
class Travel:
    """How fast, and when it counts as arrived."""

    speed: float
    """m/s."""
    turn_rate: float
    """rad/s."""
    tolerance: float
    """m, on each axis of the position; ten times as many rad."""
    timeout: float
    """s, from the last new command to the arrival."""


class Journey:
    """A polyline of bucket poses (x, y, z, pitch), walked in steps of one control period until the bucket is there."""

    def __init__(self, start: np.ndarray, waypoints: Iterable[np.ndarray], *, travel: Travel, now: float) -> None:
        self._target = np.array(start, float)
        self._waypoints = deque(np.array(w, float) for w in waypoints)
        self._travel = travel
        self._commanded = now

    @property
    def target(self) -> np.ndarray:
        """(4,) the pose commanded last."""
        return self._target.copy()

    @property
    def last_new_command(self) -> float:
        """s, when the target last moved."""
        return self._commanded

    def advance(self, period: float, *, now: float) -> np.ndarray:
        """(4,) the next pose to command: on the line to the next waypoint, never faster than speed and turn rate."""
        if self._waypoints:
            self._commanded = now
            delta = self._waypoints[0] - self._target
            duration = max(np.linalg.norm(delta[:3]) / self._travel.speed, abs(delta[3]) / self._travel.turn_rate)
            periods = duration / period
            self._target = self._waypoints.popleft() if periods <= 1 else self._target + delta / periods
        return self.target

    def arrived(self, pose: np.ndarray, *, now: float) -> bool:
        """Whether all was commanded and the measured `pose` is there; raises `NotArrivedError` when it never comes."""
        if self._waypoints:
            return False
        error = np.abs(pose - self._target)
        if error[:3].max() <= self._travel.tolerance and error[3] <= 10 * self._travel.tolerance:
            return True
        if now - self._commanded > self._travel.timeout:
            raise NotArrivedError(f"at {pose.round(3).tolist()}, sent to {self._target.round(3).tolist()}")
        return False


def over_the_top(start: np.ndarray, goal: np.ndarray, *, height: float) -> list[np.ndarray]:
    """Waypoints that rise to `height` (m) before they cross, so that nothing is ploughed on the way."""
    height = max(height, float(start[2]), float(goal[2]))
    up, across = np.array(start, float), np.array(goal, float)
    up[2] = across[2] = height
    return [up, across, np.array(goal, float)]
