"""The steady period in which an excavation is decided, whose phase can be moved."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.timer import Timer

from prpd_ros.clocks import STEADY


class Beat:
    """Calls `act` once in each `period` s of the steady clock, until it is stopped."""

    def __init__(self, node: Node, period: float, act: Callable[[], None]) -> None:
        self.longest = 0.0
        """s, between two calls so far; a shift does not count."""
        self._node, self._period, self._act = node, period, act
        self._last = time.monotonic()
        self._timer: Timer | None = node.create_timer(period, self._beat, clock=STEADY)

    @property
    def period(self) -> float:
        """In s."""
        return self._period

    def _beat(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now
        self._act()

    def shift(self, anchor: float) -> None:
        """Leave out the rest of this period: the next ones lie whole periods from `anchor`, s of the steady clock."""
        if self._timer is None:
            return
        self._node.destroy_timer(self._timer)
        wait = next_instant(time.monotonic(), anchor, self._period) - time.monotonic()
        self._timer = self._node.create_timer(max(wait, 1e-3), self._begin, clock=STEADY)

    def _begin(self) -> None:
        if self._timer is None:
            return
        self._node.destroy_timer(self._timer)
        self._timer = self._node.create_timer(self._period, self._beat, clock=STEADY)
        self._last = time.monotonic()
        self._act()

    def stop(self) -> None:
        """Make no more calls."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None


def next_instant(now: float, anchor: float, period: float) -> float:
    """The first instant after `now` that lies a whole number of periods from `anchor`."""
    return now + period - (now - anchor) % period
