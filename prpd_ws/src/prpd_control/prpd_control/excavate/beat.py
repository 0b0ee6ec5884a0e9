"""The steady period in which an excavation is decided, whose phase can be moved."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.node import Node
from rclpy.timer import Timer

from prpd_ros.clocks import STEADY

LEAN = 0.003
"""s, by which a period may differ from the others without a policy noticing."""


class Beat:
    """Calls `act` once in each `period` s of the steady clock, until it is stopped."""

    def __init__(self, node: Node, period: float, act: Callable[[], None]) -> None:
        self.longest_delay = 0.0
        """s, by which a call came late at most."""
        self.due = time.monotonic() + period
        """s, of the steady clock, when the next call shall come."""
        self.period = period
        """s, between two calls that nothing shifts."""
        self._node, self._act = node, act
        self._timer: Timer | None = node.create_timer(period, self._beat, clock=STEADY)

    def _beat(self) -> None:
        now = time.monotonic()
        self.longest_delay = max(self.longest_delay, now - self.due)
        self.due = following(self.due, now, self.period)
        self._act()
        if self._timer is not None:
            self._timer.timer_period_ns = max(round(1e9 * (self.due - time.monotonic())), 1)
            self._timer.reset()

    def shift(self, by: float, *, most: float) -> None:
        """Make the next call, and all after it, come `by` s later or, if negative, earlier; not more than `most`."""
        self.due += min(max(by, -most), most)

    def stop(self) -> None:
        """Make no more calls."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None


def following(due: float, now: float, period: float) -> float:
    """The first instant after `now` that lies whole periods after `due`: what was missed is not made up for."""
    return due + period * (max(now - due, 0.0) // period + 1)
