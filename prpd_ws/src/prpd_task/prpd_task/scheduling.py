"""How the system runs this program's threads: real-time scheduling, where it is to be had, and unhurried timers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from typing import Iterator

PR_SET_TIMERSLACK, PR_GET_TIMERSLACK = 29, 30


def be_real_time(priority: int) -> bool:
    """Run this thread, and those that it starts from now on, before all ordinary ones; whether that was granted.

    `priority` is 1 to 99 (SCHED_FIFO), or 0 to stay ordinary. Most systems grant it to root and to users with an
    `rtprio` limit only; without it everything works, but suffers from other programs.
    """
    if priority == 0 or not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        return False
    return True


def be_real_time_throughout(priority: int) -> bool:
    """As `be_real_time`, for all threads that this process has by now; what it starts later is ordinary.

    For a node's process: messages reach it through threads of DDS.
    """
    if priority == 0 or not hasattr(os, "sched_setscheduler"):
        return False
    for thread in os.listdir("/proc/self/task"):
        try:
            os.sched_setscheduler(int(thread), os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
        except ProcessLookupError:
            continue  # it has ended meanwhile
        except OSError:
            return False
    return True


def be_ordinary() -> None:
    """Give real-time scheduling back, for work that may take long."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@contextlib.contextmanager
def unhurried_threads(slack: float) -> Iterator[None]:
    """Threads that are started meanwhile wake from a sleep up to `slack` s late, for as long as they are ordinary ones.

    For a library whose threads look for work far more often than it comes.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    prctl = ctypes.CDLL(None).prctl
    before = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)
    prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(int(slack * 1e9)), 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_TIMERSLACK, ctypes.c_ulong(before), 0, 0, 0)
