"""The interpolator: immutable plans from where the bucket is, and how it moves, to rest at a target.

Every plan ends in standstill. A command is followed by a plan that takes `blend` times the command's period; the next
command comes before that is over and replaces it, so the bucket moves on smoothly, and when none comes it rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from prpd_control.driver.tool_frames import Setpoint

_SAMPLES = (0.0, 0.17, 0.33, 0.5, 0.67, 0.83)


@dataclass(frozen=True)
class Pace:
    """How fast a plan may be."""

    speed: float
    """m/s."""
    turn_rate: float
    """rad/s."""
    acceleration: float
    """m/s2."""
    turn_acceleration: float
    """rad/s2."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A cubic in time for each of the seven numbers of a setpoint, from (start, velocity) to (goal, 0)."""

    start: Setpoint
    velocity: Setpoint
    goal: Setpoint
    duration: float
    """s."""
    low: Setpoint
    """No setpoint lies below, even where braking from the first velocity would overshoot."""
    high: Setpoint

    def at(self, time: float) -> Setpoint:
        """Setpoint at a time since the start; the goal from `duration` on."""
        if time >= self.duration:
            return self.goal
        s = max(time, 0.0) / self.duration
        to_goal = s * s * (3 - 2 * s)
        along = s * (1 - s) * (1 - s) * self.duration
        a, b, c, d, e, f, g = (
            min(max(p + to_goal * (q - p) + along * v, low), high)
            for p, v, q, low, high in zip(self.start, self.velocity, self.goal, self.low, self.high)
        )
        return (a, b, c, d, e, f, g)

    def velocity_at(self, time: float) -> Setpoint:
        """Its rate of change, per s."""
        if time >= self.duration:
            return (0.0,) * 7
        s = max(time, 0.0) / self.duration
        to_goal = 6 * s * (1 - s) / self.duration
        along = 1 - 4 * s + 3 * s * s
        a, b, c, d, e, f, g = (to_goal * (q - p) + along * v for p, v, q in zip(self.start, self.velocity, self.goal))
        return (a, b, c, d, e, f, g)


def plan_to(
    goal: Sequence[float],
    *,
    start: Setpoint,
    velocity: Setpoint,
    duration: float,
    pace: Pace,
    low: Sequence[float],
    high: Sequence[float],
) -> Plan:
    """A plan to the bucket pose `goal` (x, y, z, pitch) that takes `duration` s, or longer where the pace asks for it.

    `low` and `high` bound the bucket pose; where the start lies outside, the way back in is allowed, not further out.
    """
    x, y, z, pitch = goal
    end: Setpoint = (x, y, z, pitch, 0.0, 0.0, 0.0)
    floor = _seven([min(a, b) for a, b in zip(low, start)], [min(0.0, v) for v in start[4:]])
    ceiling = _seven([max(a, b) for a, b in zip(high, start)], [max(0.0, v) for v in start[4:]])
    way = [q - p for p, q in zip(start, end)]
    distance, turn = _norm(way[:3]), _norm(way[3:])
    if any(velocity):
        duration = max(duration, 1e-3)
        while not _within(way, velocity, duration, pace) and duration < 60.0:
            duration *= 1.2
    else:  # from rest there is a closed form
        duration = max(
            duration,
            1.5 * distance / pace.speed,
            1.5 * turn / pace.turn_rate,
            sqrt(6 * distance / pace.acceleration),
            sqrt(6 * turn / pace.turn_acceleration),
            1e-3,
        )
    return Plan(start, velocity, end, duration, floor, ceiling)


def _within(way: Sequence[float], velocity: Sequence[float], duration: float, pace: Pace) -> bool:
    """Whether a cubic keeps the pace; the speed that it begins with is not its fault."""
    speed_limit = max(pace.speed, _norm(velocity[:3])) * (1 + 1e-9)
    turn_limit = max(pace.turn_rate, _norm(velocity[3:])) * (1 + 1e-9)
    for s in _SAMPLES:
        rates = [6 * s * (1 - s) / duration * w + (1 - 4 * s + 3 * s * s) * v for w, v in zip(way, velocity)]
        if _norm(rates[:3]) > speed_limit or _norm(rates[3:]) > turn_limit:
            return False
    for s in (0.0, 1.0):  # a cubic's acceleration is linear in time: greatest at an end
        bends = [(6 - 12 * s) / duration**2 * w + (6 * s - 4) / duration * v for w, v in zip(way, velocity)]
        if _norm(bends[:3]) > pace.acceleration or _norm(bends[3:]) > pace.turn_acceleration:
            return False
    return True


def _norm(values: Sequence[float]) -> float:
    return sqrt(sum(v * v for v in values))


def _seven(pose: Sequence[float], residual: Sequence[float]) -> Setpoint:
    a, b, c, d = pose
    e, f, g = residual
    return (a, b, c, d, e, f, g)
