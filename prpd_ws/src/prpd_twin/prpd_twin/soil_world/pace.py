"""Keeps simulated time to the wall clock."""

from __future__ import annotations

import time

AT_ONCE = 5
"""Periods that are made up for at once, at most: a soil that is later than that is too slow, or was held up."""


class Pace:
    """Tells how many periods are to be simulated next, and measures how well that keeps up."""

    WINDOW = 1.0
    """s, over which the real-time factor is measured."""

    def __init__(self, period: float) -> None:
        self._period = period
        self.real_time_factor = 1.0
        self.restart()

    def restart(self) -> None:
        """Begin now: at first, and after a pause that was meant, such as a reset."""
        self._due = self._mark = time.monotonic()
        self._count = 0

    def wait(self) -> int:
        """Sleep until the next period begins; how many have begun since the last ones, 1 to `AT_ONCE`.

        Whoever is late has more to do at once. What is beyond that is lost, and counted.
        """
        now = time.monotonic()
        if now < self._due:
            time.sleep(self._due - now)
            now = time.monotonic()
        begun = 1 + int((now - self._due) / self._period)
        self._due += begun * self._period
        count = min(begun, AT_ONCE)
        self._count += count
        if now - self._mark >= self.WINDOW:
            # What has begun is simulated from now on, so the last periods are not over yet.
            self.real_time_factor = min(self._count * self._period / (now - self._mark), 1.0)
            self._mark, self._count = now, 0
        return count
