"""Decides, once per cycle, what the arm does next. Pure: time, reading and requests in; an action out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from prpd_control.driver import health, limits
from prpd_control.driver.limits import Reach, Target
from prpd_control.driver.plan import Pace, Plan, plan_to
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Cause, Stop
from prpd_control.driver.tool_frames import Setpoint
from prpd_control.modes import Mode

REST: Setpoint = (0.0,) * 7
FORCE_RAMP = 0.05
"""s, in which a motion slows from full speed to nothing when the force asks for it."""
FORCE_FILTER = 0.01
"""s, time constant of the force that is compared with the limits."""
TRAIL_SPACING = 0.002
"""m, between the remembered points of the path, along which the bucket backs off."""
SETTLE_TIME = 0.5
"""s, longest wait for the arm to rest at the end of a motion."""


class Do(Enum):
    """What to tell the controller in this cycle."""

    NOTHING = "nothing"
    """Write nothing: its watchdog shall stop the program."""
    KEEP = "keep"
    """Stand still, and keep the watchdog content."""
    SERVO = "servo"
    """Send the setpoint."""
    HALT = "halt"
    """End the servo motion: brake to standstill."""


@dataclass(frozen=True, slots=True)
class Action:
    """What to do in a cycle, and with `SERVO` where to go."""

    do: Do
    setpoint: Setpoint | None = None


NOTHING, KEEP, HALT = Action(Do.NOTHING), Action(Do.KEEP), Action(Do.HALT)


class Supervisor:
    """The driver's state machine. `step` is called once per cycle; requests come in between."""

    def __init__(self, settings: DriverSettings, reach: Reach, *, now: float) -> None:
        self._settings = settings
        self._reach = reach
        self.mode = Mode.IDLE
        self.stop: Stop | None = None
        self.sequence = 0
        """Of the last command accepted."""
        self.lost_commands = 0
        """Gaps in the sequence so far."""
        self._now = now
        self._alive = now
        self._plan: Plan | None = None
        self._time = 0.0  # along the plan, s
        self._rate = 1.0  # of that time: below 1 the bucket follows its plan more slowly
        self._route: list[Sequence[float]] = []
        self._pace = self._stream_pace()
        self._after: Stop | None = None  # stop that a motion of our own leads to
        self._last_target: tuple[float, ...] | None = None
        self._due = math.inf  # when the next command should come
        self._ended = 0.0  # when the plan was over
        self._halt = False
        self._retreat: Setpoint | None = None  # where to back off to, once the arm has braked
        self._force = 0.0
        self._trail: deque[Setpoint] = deque(maxlen=64)

    # -- requests --

    def alive(self, now: float) -> None:
        """The node lives."""
        self._alive = now

    def command(self, now: float, target: Target, reading: health.Reading) -> None:
        """A bucket command. One that must not be followed stops the stream."""
        if self.mode not in (Mode.IDLE, Mode.STREAMING):
            return
        starting = self.mode is Mode.IDLE
        anchor = reading.setpoint if starting or self._last_target is None else self._last_target
        stop = limits.content(target, self._settings)
        if stop is None and not starting and target.sequence <= self.sequence:
            stop = Stop(Cause.COMMAND_ORDER, f"command {target.sequence} came after command {self.sequence}")
        stop = stop or limits.step(target, anchor, self._settings)
        stop = stop or self._set_out(target.pose, target.duration * self._settings.blend, self._stream_pace(), reading)
        if stop is not None:
            self._stop(stop)
            return
        if not starting:
            self.lost_commands += target.sequence - self.sequence - 1
        self.mode, self.sequence, self._last_target = Mode.STREAMING, target.sequence, target.pose
        self._route = []
        self._due = now + target.duration if target.duration > 0 else math.inf

    def home(self, reading: health.Reading) -> Stop | None:
        """Begin the journey home: up, across, down; the reason if that is not possible."""
        if self.mode not in (Mode.IDLE, Mode.STREAMING):
            return self.stop or Stop(Cause.REQUESTED, f"the driver is {self.mode.name}, not IDLE")
        x, y, z, pitch = self._here(reading)[:4]
        goal = self._settings.home_pose
        top = max(z, goal[2])
        across = (goal[0], goal[1], top, goal[3])
        self._route = [across] if top - goal[2] < 1e-3 else [across, goal]
        if top - z > 1e-3:
            self._route.insert(0, (x, y, top, pitch))
        stop = self._set_out(self._route.pop(0), 0.0, self._own_pace(self._settings.home_speed), reading)
        if stop is not None:
            self._stop(stop)
            return stop
        self._after = None
        self._mode_of_own_motion()
        return None

    def halt(self) -> None:
        """Stop on request."""
        if self.mode in (Mode.IDLE, Mode.STREAMING, Mode.MOVING):
            self._stop(Stop(Cause.REQUESTED, "the driver was asked to stop"))

    def recover(self, reading: health.Reading) -> Stop | None:
        """Go on after a stop, if nothing stands in the way; else what does."""
        stop = self._trouble(reading)
        if stop is None and self.mode in (Mode.STOPPED, Mode.FAULT):
            self.mode, self.stop = Mode.IDLE, None
        return stop

    # -- the cycle --

    def step(self, now: float, reading: health.Reading) -> Action:
        """What to do at monotonic time `now`, s."""
        elapsed = min(now - self._now, 5 * self._settings.period)  # after a hiccup the bucket goes on, it does not leap
        self._now = now
        trouble = self._trouble(reading)
        if trouble is not None:
            self._notice(trouble)
            return NOTHING
        if self._halt:
            self._halt = False
            return HALT
        if self._retreat is not None:
            goal, self._retreat = self._retreat, None
            self._back_off(goal, reading)
        if self._plan is None:
            if self.mode is Mode.STREAMING and now > self._due + self._settings.command_timeout:
                self._latch(self._silence(now))
            return NOTHING if self.mode in (Mode.FAULT, Mode.DISCONNECTED) else KEEP
        if reading.age > self._settings.state_age:
            return NOTHING
        return self._follow(now, elapsed, self._plan, reading)

    def _follow(self, now: float, elapsed: float, plan: Plan, reading: health.Reading) -> Action:
        if self.mode is Mode.STREAMING and now > self._due + self._settings.command_grace:
            self._plan = None  # pause: the next command goes on from where the arm then stands
            return HALT
        stop = self._danger(now, plan.at(self._time), reading)
        if stop is not None:
            self._latch(stop)
            return HALT
        self._weigh(elapsed, reading)
        if self._force > self._settings.max_force and self._after is None:
            self._recoil()
            return HALT
        self._time += self._rate * elapsed
        setpoint = plan.at(self._time)
        if self._time >= plan.duration and self._arrived(now, plan, reading):
            return HALT
        if self._after is None and (not self._trail or math.dist(setpoint[:3], self._trail[-1][:3]) >= TRAIL_SPACING):
            self._trail.append(setpoint)
        return Action(Do.SERVO, setpoint)

    def _arrived(self, now: float, plan: Plan, reading: health.Reading) -> bool:
        """Whether the motion is over and the arm can be let go."""
        if self._route:
            pose = self._route.pop(0)
            stop = self._start_plan(pose, 0.0, self._pace, start=plan.goal, velocity=REST, joints=reading.joints)
            if stop is not None:
                self._latch(stop)
            return stop is not None
        if self.mode is Mode.STREAMING and self._due < math.inf:
            return False
        self._ended = self._ended or now
        if not reading.at_rest and now - self._ended < SETTLE_TIME:
            return False
        self._plan, self.mode, self._last_target = None, Mode.IDLE, None
        if self._after is not None:
            self._latch(self._after)
        return True

    # -- watching --

    def _trouble(self, reading: health.Reading) -> Stop | None:
        return health.trouble(
            reading, state_timeout=self._settings.state_timeout, controlled=not self._settings.dry_run
        )

    def _danger(self, now: float, setpoint: Setpoint, reading: health.Reading) -> Stop | None:
        settings = self._settings
        if now - self._alive > settings.node_timeout:
            return Stop(Cause.NODE_SILENCE, f"no sign of the driver's node for {now - self._alive:.2f} s")
        if settings.dry_run:
            return None
        lag = math.dist(setpoint[:3], reading.setpoint[:3])
        if lag > settings.max_lag:
            return Stop(
                Cause.LAG, f"the bucket is {lag * 1e3:.0f} mm behind its setpoint (limit {settings.max_lag * 1e3:g} mm)"
            )
        if self._after is not None and self._force > 1.5 * settings.max_force:
            return Stop(Cause.FORCE, f"the force rose to {self._force:.0f} N while backing off")
        return None

    def _weigh(self, elapsed: float, reading: health.Reading) -> None:
        """The force, and how fast the plan may be followed under it."""
        settings = self._settings
        self._force += (math.hypot(*reading.force) - self._force) * min(1.0, elapsed / FORCE_FILTER)
        free = (settings.max_force - self._force) / (settings.max_force - settings.slow_force)
        wanted = 1.0 if self._after is not None else min(max(free, 0.0), 1.0)
        change = elapsed / FORCE_RAMP
        self._rate += min(max(wanted - self._rate, -change), change)

    def _recoil(self) -> None:
        """Too great a force: stop, and where there is a way back along the path, take it from the next cycle on."""
        settings = self._settings
        stop = Stop(
            Cause.FORCE, f"the force on the bucket reached {self._force:.0f} N (limit {settings.max_force:g} N)"
        )
        count = round(settings.back_off_distance / TRAIL_SPACING)
        if count == 0 or len(self._trail) < 2:
            self._latch(stop)
            return
        self._retreat = self._trail[max(0, len(self._trail) - 1 - count)]
        self._plan, self._route, self._after = None, [], stop
        self._mode_of_own_motion()

    def _mode_of_own_motion(self) -> None:
        self.mode, self._due, self._last_target = Mode.MOVING, math.inf, None

    def _back_off(self, goal: Setpoint, reading: health.Reading) -> None:
        after = self._after
        stop = self._set_out(goal[:4], 0.0, self._own_pace(self._settings.back_off_speed), reading)
        self._after = after
        if stop is not None and after is not None:
            self._latch(after)

    def _silence(self, now: float) -> Stop:
        return Stop(Cause.COMMAND_SILENCE, f"no command came for {now - self._due:.2f} s after one was due")

    # -- plans --

    def _here(self, reading: health.Reading) -> Setpoint:
        """Where the next plan begins: the last setpoint sent, or where the arm stands."""
        return reading.setpoint if self._plan is None else self._plan.at(self._time)

    def _set_out(self, goal: Sequence[float], duration: float, pace: Pace, reading: health.Reading) -> Stop | None:
        """A plan from here; the reason if there can be none."""
        if self._plan is None:
            stop = limits.tilt(reading.setpoint, self._settings)
            if stop is not None:
                return stop
            self._rate, self._after = 1.0, None
            self._trail.clear()
        velocity = REST if self._plan is None else self._plan.velocity_at(self._time)
        return self._start_plan(
            goal, duration, pace, start=self._here(reading), velocity=velocity, joints=reading.joints
        )

    def _start_plan(
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
        self._time, self._ended, self._pace = 0.0, 0.0, pace
        return None

    def _stream_pace(self) -> Pace:
        s = self._settings
        return Pace(s.max_speed, s.max_turn_rate, s.max_acceleration, s.max_turn_acceleration)

    def _own_pace(self, speed: float) -> Pace:
        s = self._settings
        return Pace(min(speed, s.max_speed), s.home_turn_rate, s.max_acceleration / 4, s.max_turn_acceleration / 4)

    # -- stopping --

    def _stop(self, stop: Stop) -> None:
        """Latch a stop that came with a request: brake in the next cycle if the arm moves."""
        self._halt = self._halt or self._plan is not None
        self._latch(stop)

    def _notice(self, trouble: Stop) -> None:
        """Latch what the controller reports, unless the driver already stands still for a reason as grave.

        A program that the watchdog ended while the driver stopped must not hide why the driver stopped.
        """
        grave = (Mode.STOPPED, Mode.FAULT, Mode.DISCONNECTED)
        if (
            self.stop is None
            or grave.index(trouble.cause.mode) > grave.index(self.stop.cause.mode)
            or self.mode is Mode.FAULT
            and trouble.cause.mode is Mode.FAULT
            and trouble.cause is not self.stop.cause
        ):
            self._latch(trouble)

    def _latch(self, stop: Stop) -> None:
        self.stop, self.mode = stop, stop.cause.mode
        self._plan, self._retreat, self._route, self._last_target, self._after = None, None, [], None, None
        self._due = math.inf
