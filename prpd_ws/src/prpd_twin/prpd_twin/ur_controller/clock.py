"""The controller's beat: a call each period, on an absolute schedule."""

from __future__ import annotations

import asyncio
from typing import Callable, Optional

MAX_BEHIND = 0.1
"""s; a process that was held up for longer takes up the beat from now, else it catches up."""


class Clock:
    """Calls `tick` each `period` seconds in the running event loop, with the seconds by which the call comes late."""

    def __init__(self, period: float, tick: Callable[[float], None]) -> None:
        self._period = period
        self._tick = tick
        self._next = 0.0
        self._handle: Optional[asyncio.TimerHandle] = None

    def start(self) -> None:
        """Begin one period from now."""
        self.freeze(self._period)

    def freeze(self, seconds: float) -> None:
        """No call for so long; then the beat goes on as if nothing had been."""
        self.stop()
        loop = asyncio.get_running_loop()
        self._next = loop.time() + seconds
        self._handle = loop.call_at(self._next, self._beat)

    def stop(self) -> None:
        """No more calls."""
        if self._handle:
            self._handle.cancel()
            self._handle = None

    def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        late = max(loop.time() - self._next, 0.0)
        if late > MAX_BEHIND:
            self._next = loop.time()
        self._next += self._period
        self._handle = loop.call_at(self._next, self._beat)
        self._tick(late)
