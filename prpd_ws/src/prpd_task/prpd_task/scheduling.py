"""Ask the system for real-time scheduling, where it is to be had."""

from __future__ import annotations

import os


def be_real_time(priority: int) -> bool:
    """Run this process, and the threads that it starts from now on, before all ordinary ones; whether that was granted.

    `priority` is 1 to 99 (SCHED_FIFO), or 0 to stay ordinary. Most systems grant it to root and to users with an
    `rtprio` limit only; without it everything works, but suffers from other programs.
    """
    if priority == 0 or not hasattr(os, "sched_setscheduler"):
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError:
        return False
    return True


def be_ordinary() -> None:
    """Give real-time scheduling back, for work that may take long."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
