"""How old the controller's data are. Flags and return values of `ur_rtde` lie after a disconnect; timestamps do not."""

from __future__ import annotations


class LinkClock:
    """Finds when a packet was measured, on this machine's monotonic clock, from the controller's timestamp in it.

    The least difference of the clocks that was seen is taken for a link without delay; what is above it is age. So age
    grows while nothing comes, and also when packets come late. The clocks drift apart: the least difference may creep
    up by `drift` s/s.
    """

    def __init__(self, *, drift: float = 1e-3) -> None:
        self._drift = drift
        self._least = 0.0
        self._updated = 0.0
        self._timestamp: float | None = None

    def measured(self, now: float, timestamp: float) -> float:
        """When, s monotonic, the newest packet was measured; it is there at `now` and bears `timestamp`."""
        difference = now - timestamp
        if self._timestamp is None or timestamp < self._timestamp:  # the first, or the controller started anew
            self._least, self._updated = difference, now
        elif timestamp > self._timestamp:
            self._least = min(self._least + self._drift * (now - self._updated), difference)
            self._updated = now
        self._timestamp = timestamp
        return timestamp + self._least
