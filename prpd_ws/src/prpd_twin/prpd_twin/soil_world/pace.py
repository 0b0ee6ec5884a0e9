"""Keeps simulated time to the wall clock."""

from __future__ import annotations

import time

PATIENCE = 0.05
"""s, by which simulated time may stay behind. What is beyond that is lost, little by little, so that nothing jumps."""


class Pace:
    """Tells when the next period begins, and measures how well that keeps up."""

    WINDOW = 1.0
    """s, over which the real-time factor is measured."""

    def __init__(self, period: float) -> None:
        self._period = period
        self.real_time_factor = 1.0
        self.restart()

    def restart(self) -> None:
        """Begin now: at first, and after a pause that was meant, such as a reset."""
        self._due = self._mark = time.monotonic()
        self._lost = 0.0

    def wait(self) -> float:
        """Sleep until the next period begins; s, by which it begins late.

        One period is simulated with each call. Whoever is late need not wait, and so gets nearer to the wall clock, if
        periods take less time than they last. Beyond `PATIENCE`, a simulated period stands for more of the real time.
        """
        now = time.monotonic()
        if now < self._due:
            time.sleep(self._due - now)
            now = time.monotonic()
        late = now - self._due
        passed = self._period * max(1.0, late / PATIENCE)
        self._due += passed
        self._lost += passed - self._period
        if now - self._mark >= self.WINDOW:
            self.real_time_factor = max(0.0, 1.0 - self._lost / (now - self._mark))
            self._mark, self._lost = now, 0.0
        return late
