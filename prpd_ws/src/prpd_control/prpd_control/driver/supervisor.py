"""Decides, once per cycle, what the arm does next. Pure: time, reading and requests in; an action out."""

from __future__ import annotations

import math
from dataclasses import replace

from prpd_control.driver import health, limits
from prpd_control.driver.action import HALT, KEEP, NOTHING, Action, Do
from prpd_control.driver.force_guard import ForceGuard
from prpd_control.driver.limits import Reach, Target
from prpd_control.driver.motion import Motion, own_pace, stream_pace
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Cause, Stop
from prpd_control.driver.tool_frames import Setpoint
from prpd_control.modes import Mode

PAUSE_MEMORY = 1.0
"""s, for which a pause of the loop is remembered."""
PAUSED = "the driver had paused for"
"""In what the operator is told of a stop that a pause of the loop explains."""


class Supervisor:
    """The driver's state machine. `step` is called once per cycle; requests come in between."""

    def __init__(self, settings: DriverSettings, reach: Reach, *, now: float) -> None:
        self._settings = settings
        self._motion = Motion(settings, reach)
        self._guard = ForceGuard(settings)
        self.mode = Mode.IDLE
        self.stop: Stop | None = None
        self.sequence = 0
        """Of the last command accepted."""
        self.lost_commands = 0
        """Gaps in the sequence so far."""
        self._now = now
        self._pause, self._paused = 0.0, now  # the longest one between two cycles of late, and its end
        self._alive = now
        self._after: Stop | None = None  # stop that a motion of our own leads to
        self._last_target: tuple[float, ...] | None = None
        self._due = math.inf  # when the next command should come
        self._halt = False
        self._retreat: Setpoint | None = None  # where to back off to, once the arm has braked

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
        stop = stop or limits.step(target, anchor, self._settings) or self._follow_target(target, reading)
        if stop is not None:
            self._stop(stop)
            return
        if not starting:
            self.lost_commands += target.sequence - self.sequence - 1
        self.mode, self.sequence, self._last_target = Mode.STREAMING, target.sequence, target.pose
        self._due = now + target.duration if target.duration > 0 else math.inf

    def _follow_target(self, target: Target, reading: health.Reading) -> Stop | None:
        self._begin()
        duration = target.duration * self._settings.blend
        return self._motion.set_out(target.pose, reading, pace=stream_pace(self._settings), duration=duration)

    def _begin(self) -> None:
        """A motion begins; where the arm stands still, with a clean slate."""
        if not self._motion.underway:
            self._guard.begin()
            self._after = None

    def home(self, reading: health.Reading) -> Stop | None:
        """Begin the journey home: up, across, down; the reason if that is not possible."""
        if self.mode not in (Mode.IDLE, Mode.STREAMING):
            return self.stop or Stop(Cause.REQUESTED, f"the driver is {self.mode.name}, not IDLE")
        x, y, z, pitch = self._motion.here(reading)[:4]
        goal = self._settings.home_pose
        top = max(z, goal[2])
        across = (goal[0], goal[1], top, goal[3])
        route = [across] if top - goal[2] < 1e-3 else [across, goal]
        if top - z > 1e-3:
            route.insert(0, (x, y, top, pitch))
        self._begin()
        stop = self._motion.set_out_along(route, reading, pace=own_pace(self._settings, self._settings.home_speed))
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
        pause, self._now = now - self._now, now
        if pause >= self._pause or now - self._paused > PAUSE_MEMORY:
            self._pause, self._paused = pause, now
        elapsed = min(pause, 5 * self._settings.period)  # after a hiccup the bucket goes on, it does not leap
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
        if not self._motion.underway:
            if self.mode is Mode.STREAMING and now > self._due + self._settings.command_timeout:
                self._latch(self._silence(now))
            return NOTHING if self.mode in (Mode.FAULT, Mode.DISCONNECTED) else KEEP
        if now - reading.time > self._settings.state_age:
            return NOTHING
        return self._follow(now, elapsed, reading)

    def _follow(self, now: float, elapsed: float, reading: health.Reading) -> Action:
        motion, guard, backing_off = self._motion, self._guard, self._after is not None
        if self.mode is Mode.STREAMING and now > self._due + self._settings.command_grace:
            motion.end()  # pause: the next command goes on from where the arm then stands
            return HALT
        stop = self._danger(now, reading)
        if stop is not None:
            self._latch(stop)
            return HALT
        guard.weigh(elapsed, reading.force, freely=backing_off)
        stop = None if backing_off else guard.too_great()
        if stop is not None:
            self._recoil(stop)
            return HALT
        setpoint = motion.advance(guard.rate * elapsed)
        if motion.over and self._arrived(now, reading):
            return HALT
        if not backing_off:
            guard.remember(setpoint)
        return Action(Do.SERVO, setpoint)

    def _arrived(self, now: float, reading: health.Reading) -> bool:
        """Whether the motion is over and the arm can be let go."""
        if self._motion.has_further_leg:
            stop = self._motion.next_leg(reading)
            if stop is not None:
                self._latch(stop)
            return stop is not None
        if self.mode is Mode.STREAMING and self._due < math.inf:
            return False
        if not self._motion.settled(now, reading):
            return False
        self._motion.end()
        self.mode, self._last_target = Mode.IDLE, None
        if self._after is not None:
            self._latch(self._after)
        return True

    # -- watching --

    def _trouble(self, reading: health.Reading) -> Stop | None:
        settings = self._settings
        trouble = health.trouble(
            reading, now=self._now, state_timeout=settings.state_timeout, controlled=not settings.dry_run
        )
        patience = 1 / settings.watchdog_rate
        if trouble is not None and trouble.cause is Cause.PROGRAM_STOPPED and self._pause > 0.5 * patience:
            late = f"{PAUSED} {self._pause * 1e3:.0f} ms, and its watchdog waits {patience * 1e3:.0f} ms"
            return replace(trouble, seen=f"{trouble.seen}; {late}")
        return trouble

    def _danger(self, now: float, reading: health.Reading) -> Stop | None:
        settings = self._settings
        if now - self._alive > settings.node_timeout:
            return Stop(Cause.NODE_SILENCE, f"no sign of the driver's node for {now - self._alive:.2f} s")
        if settings.dry_run:
            return None
        lag = math.dist(self._motion.setpoint[:3], reading.setpoint[:3])
        if lag > settings.max_lag:
            limit = f"limit {settings.max_lag * 1e3:g} mm"
            return Stop(Cause.LAG, f"the bucket is {lag * 1e3:.0f} mm behind its setpoint ({limit})")
        return self._guard.too_great_on_the_way_back() if self._after is not None else None

    def _recoil(self, stop: Stop) -> None:
        """Too great a force: stop, and where there is a way back along the path, take it from the next cycle on."""
        self._retreat = self._guard.way_back()
        if self._retreat is None:
            self._latch(stop)
            return
        self._motion.end()
        self._after = stop
        self._mode_of_own_motion()

    def _mode_of_own_motion(self) -> None:
        self.mode, self._due, self._last_target = Mode.MOVING, math.inf, None

    def _back_off(self, goal: Setpoint, reading: health.Reading) -> None:
        self._guard.begin()
        pace = own_pace(self._settings, self._settings.back_off_speed)
        stop = self._motion.set_out(goal[:4], reading, pace=pace)
        if stop is not None and self._after is not None:
            self._latch(self._after)

    def _silence(self, now: float) -> Stop:
        return Stop(Cause.COMMAND_SILENCE, f"no command came for {now - self._due:.2f} s after one was due")

    # -- stopping --

    def _stop(self, stop: Stop) -> None:
        """Latch a stop that came with a request: brake in the next cycle if the arm moves."""
        self._halt = self._halt or self._motion.underway
        self._latch(stop)

    def _notice(self, trouble: Stop) -> None:
        """Latch what the controller reports, unless the driver already stands still for a reason as grave.

        A program that the watchdog ended while the driver stopped, or backed off, must not hide why it did.
        """
        if trouble.cause is Cause.PROGRAM_STOPPED and self._after is not None:
            trouble = self._after
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
        self._motion.end()
        self._retreat, self._last_target, self._after, self._due = None, None, None, math.inf
