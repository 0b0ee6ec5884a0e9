"""The bucket on its way: the plan that it follows, and the waypoints after that."""

from __future__ import annotations

from collections.abc import Sequence

from prpd_control.driver import limits
from prpd_control.driver.health import Reading
from prpd_control.driver.limits import Reach
from prpd_control.driver.plan import Pace, Plan, plan_to
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Stop
from prpd_control.driver.tool_frames import Setpoint

REST: Setpoint = (0.0,) * 7
SETTLE_TIME = 0.5
"""s, longest wait for the arm to rest at the end of a motion."""


def stream_pace(s: DriverSettings) -> Pace:
    """Limits for commands."""
    return Pace(s.max_speed, s.max_turn_rate, s.max_acceleration, s.max_turn_acceleration)


def own_pace(s: DriverSettings, speed: float) -> Pace:
    """Limits for the driver's own motions."""
    return Pace(min(speed, s.max_speed), s.home_turn_rate, s.max_acceleration / 4, s.max_turn_acceleration / 4)


class Motion:
    """At most one plan at a time. A new one begins where the old one is, and as fast."""

    def __init__(self, settings: DriverSettings, reach: Reach) -> None:
        self._settings = settings
        self._reach = reach
        self._plan: Plan | None = None
        self._time = 0.0  # along the plan, s
        self._over_since: float | None = None
        self._route: list[Sequence[float]] = []
        self._pace = stream_pace(settings)
        self.setpoint = REST
        """The last one, while underway."""

    @property
    def underway(self) -> bool:
        """Whether there is a plan."""
        return self._plan is not None

    @property
    def over(self) -> bool:
        """Whether the plan, if any, has come to its end."""
        return self._plan is None or self._time >= self._plan.duration

    @property
    def has_further_leg(self) -> bool:
        """Whether a waypoint follows the plan."""
        return bool(self._route)

    def here(self, reading: Reading) -> Setpoint:
        """Where the next plan begins: the last setpoint sent, or where the arm stands."""
        return self.setpoint if self.underway else reading.setpoint

    def set_out(self, goal: Sequence[float], reading: Reading, *, pace: Pace, duration: float = 0.0) -> Stop | None:
        """A plan from here to a bucket pose; the reason if there can be none."""
        stop = None if self.underway else limits.tilt(reading.setpoint, self._settings)
        if stop is not None:
            return stop
        velocity = REST if self._plan is None else self._plan.velocity_at(self._time)
        self._route = []
        return self._start(goal, duration, pace, start=self.here(reading), velocity=velocity, joints=reading.joints)

    def set_out_along(self, waypoints: Sequence[Sequence[float]], reading: Reading, *, pace: Pace) -> Stop | None:
        """The same to one bucket pose after the other; the bucket rests at each."""
        first, *others = waypoints
        stop = self.set_out(first, reading, pace=pace)
        self._route = list(others)
        return stop

    def next_leg(self, reading: Reading) -> Stop | None:
        """A plan to the next waypoint; the reason if there can be none."""
        goal = self._route.pop(0)
        return self._start(goal, 0.0, self._pace, start=self.setpoint, velocity=REST, joints=reading.joints)

    def _start(
        self,
        goal: Sequence[float],
        duration: float,
        pace: Pace,
        *,
        start: Setpoint,
        velocity: Setpoint,
        joints: Sequence[float],
    ) -> Stop | None:
        settings = self._settings
        stop, joint_travel = self._reach.check(start, joints, goal)
        if stop is not None:
            return stop
        duration = max(duration, 1.5 * joint_travel / settings.max_joint_speed)
        self._plan = plan_to(
            goal,
            start=start,
            velocity=velocity,
            duration=duration,
            pace=pace,
            low=settings.box_low,
            high=settings.box_high,
        )
        self._time, self._over_since, self._pace, self.setpoint = 0.0, None, pace, start
        return None

    def advance(self, elapsed: float) -> Setpoint:
        """The setpoint so many seconds further on."""
        if self._plan is None:
            raise RuntimeError("there is no plan to follow")
        self._time += elapsed
        self.setpoint = self._plan.at(self._time)
        return self.setpoint

    def settled(self, now: float, reading: Reading) -> bool:
        """Whether the arm rests after the end of a plan, or has had the time to."""
        self._over_since = now if self._over_since is None else self._over_since
        return reading.at_rest or now - self._over_since >= SETTLE_TIME

    def end(self) -> None:
        """Nothing is followed any more."""
        self._plan, self._route = None, []
