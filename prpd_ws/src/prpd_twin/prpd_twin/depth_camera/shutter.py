"""When the virtual camera takes its images: in step with the soil, whose states come at intervals of their own."""

from __future__ import annotations

EARLY = 0.01
"""s, by which a state may be earlier than an image is due: half the time between two states."""
AHEAD = 0.004
"""s, before the state is expected, from which it is looked for."""
PULL = 0.1
"""Share of a deviation from the rhythm that the rhythm takes over, so that it keeps away from the moment at which one
state or the next would do equally well: images would be now young, now a state older."""


class Shutter:
    """Of one image each `period` s. Two clocks: stamps are those of the soil's states, all else is this process's."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._rhythm_ns = 0
        self.opens = 0.0
        """s, on this process's clock, from when on to look for the next state."""

    @property
    def due_ns(self) -> int:
        """The earliest stamp of a state to be shown next."""
        return self._rhythm_ns - round(1e9 * EARLY)

    def missed(self, now: float) -> None:
        """There was no state to be shown."""
        self.opens = now + self._period - AHEAD

    def shown(self, stamp_ns: int, now: float) -> None:
        """A state of `stamp_ns` is shown, which was there `now`."""
        self.opens = now + self._period - AHEAD
        late = stamp_ns - self._rhythm_ns
        # The first one, or the soil stood still. Who caught up with a lag of several states little by little would show
        # a state earlier each time, and whoever keeps step with the images would lose it.
        if abs(late) > 1e9 * self._period / 2:
            self._rhythm_ns, late = stamp_ns, 0
        self._rhythm_ns += round(1e9 * self._period + PULL * late)
