"""What the force on the bucket does to its motion: slow it down, and in the end turn it back the way it came."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Cause, Stop
from prpd_control.driver.tool_frames import Setpoint

RAMP = 0.05
"""s, in which a motion slows from full speed to nothing when the force asks for it."""
FILTER = 0.01
"""s, time constant of the force that is compared with the limits."""
TRAIL_SPACING = 0.002
"""m, between the remembered points of the path, along which the bucket backs off."""


class ForceGuard:
    """The filtered force, and the last bit of the path."""

    def __init__(self, settings: DriverSettings) -> None:
        self._settings = settings
        self._force = 0.0
        self._trail: deque[Setpoint] = deque(maxlen=64)
        self.rate = 1.0
        """Of a plan's time: below 1 the bucket follows its plan more slowly."""

    def begin(self) -> None:
        """A motion begins from standstill."""
        self.rate = 1.0
        self._trail.clear()

    def weigh(self, elapsed: float, force: Sequence[float], *, freely: bool) -> None:
        """Take a reading in; `freely`: a motion away from the force is not slowed by it."""
        settings = self._settings
        self._force += (math.hypot(*force) - self._force) * min(1.0, elapsed / FILTER)
        free = (settings.max_force - self._force) / (settings.max_force - settings.slow_force)
        wanted = 1.0 if freely else min(max(free, 0.0), 1.0)
        change = elapsed / RAMP
        self.rate += min(max(wanted - self.rate, -change), change)

    def remember(self, setpoint: Setpoint) -> None:
        """A point of the path."""
        if not self._trail or math.dist(setpoint[:3], self._trail[-1][:3]) >= TRAIL_SPACING:
            self._trail.append(setpoint)

    def way_back(self) -> Setpoint | None:
        """Where to back off to; None where the bucket has come no way, or must not."""
        count = round(self._settings.back_off_distance / TRAIL_SPACING)
        if count == 0 or len(self._trail) < 2:
            return None
        return self._trail[max(0, len(self._trail) - 1 - count)]

    def too_great(self) -> Stop | None:
        """A reason to back off, or none."""
        limit = self._settings.max_force
        if self._force <= limit:
            return None
        return Stop(Cause.FORCE, f"the force on the bucket reached {self._force:.0f} N (limit {limit:g} N)")

    def too_great_on_the_way_back(self) -> Stop | None:
        """A reason not to back off any further, or none."""
        if self._force <= 1.5 * self._settings.max_force:
            return None
        return Stop(Cause.FORCE, f"the force rose to {self._force:.0f} N while backing off")
