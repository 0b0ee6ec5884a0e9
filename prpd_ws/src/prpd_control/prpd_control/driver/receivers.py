"""The threads in which `ur_rtde` receives: calm while all is well, in a hurry when it matters.

There is one per connection, and it looks for data each 0.1 ms. With real-time priority, under which every look is in
time, the two of them take twice as much processor time as all the rest of the stream. So they are ordinary threads
that may look later, until something depends on them: a state is late, or a handshake with the controller begins, in
which `ur_rtde` waits busily for what they receive and must not keep them from receiving it.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from prpd_control.driver.settings import DriverSettings
from prpd_task.scheduling import unhurried_threads

SLACK = 1e-3
"""s, by which a calm thread may look late."""
CALM = 0.1
"""s without any reason for hurry, after which there is none."""


def calm() -> AbstractContextManager[None]:
    """Within this, a connection gets a thread that may be calm."""
    return unhurried_threads(SLACK)


class Receivers:
    """All threads of this process but the first one."""

    def __init__(self, settings: DriverSettings) -> None:
        # Above the loop; ordinary where the loop is, and where the system grants nothing.
        self._priority = settings.realtime_priority + 1 if settings.realtime_priority else 0
        self._late = settings.state_age / 2
        self._threads: list[int] = []
        self._hurried = False
        self._since = 0.0

    def adopt(self) -> None:
        """The connections stand: these threads are all that there will be."""
        self._threads = [int(t) for t in os.listdir("/proc/self/task") if int(t) != os.getpid()]

    def see(self, now: float, age: float) -> None:
        """The newest state is `age` s old."""
        if age > self._late:
            self.hurry(now)
        elif self._hurried and now - self._since > CALM:
            self._schedule(os.SCHED_OTHER, 0)
            self._hurried = False

    def hurry(self, now: float) -> None:
        """Receive before all else, for a while."""
        self._since = now
        if self._priority and not self._hurried:
            self._hurried = self._schedule(os.SCHED_FIFO, self._priority)

    def _schedule(self, policy: int, priority: int) -> bool:
        try:
            for thread in self._threads:
                os.sched_setscheduler(thread, policy, os.sched_param(priority))
        except OSError:  # not granted, or the threads have ended with their connection
            self._priority = 0
            return False
        return True
