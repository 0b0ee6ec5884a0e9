from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading

import pytest

from prpd_task.scheduling import PR_GET_TIMERSLACK, be_real_time, unhurried_threads

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


def slack() -> int:
    return ctypes.CDLL(None).prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0)


def slack_of_a_new_thread() -> int:
    seen: list[int] = []
    thread = threading.Thread(target=lambda: seen.append(slack()))
    thread.start()
    thread.join()
    return seen[0]


def test_only_threads_started_meanwhile_are_unhurried():
    before = slack()
    with unhurried_threads(3e-4):
        assert slack_of_a_new_thread() == 300_000
    assert slack() == before == slack_of_a_new_thread()


def test_real_time_is_asked_for_and_its_refusal_is_told():
    told: list[tuple[bool, int]] = []
    before = os.sched_getscheduler(0)

    def ask() -> None:
        told.append((be_real_time(7), os.sched_getscheduler(0)))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    granted, policy = told[0]
    assert policy == (os.SCHED_FIFO if granted else before)
    assert not be_real_time(0) and os.sched_getscheduler(0) == before


def test_all_threads_of_a_process_become_real_time_and_later_ones_do_not():
    program = """
import os, subprocess, sys, threading
from prpd_task.scheduling import be_real_time_throughout
waiting, seen = threading.Event(), []
threading.Thread(target=waiting.wait).start()
before = os.sched_getscheduler(0)
granted = be_real_time_throughout(3)
fifo = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
threads = [os.sched_getscheduler(int(t)) for t in os.listdir("/proc/self/task")]
assert threads == [fifo if granted else before] * 2, threads
later = threading.Thread(target=lambda: seen.append(os.sched_getscheduler(0)))
later.start(), later.join()
child = subprocess.run([sys.executable, "-c", "import os; print(os.sched_getscheduler(0))"], capture_output=True)
assert [*seen, int(child.stdout)] == [os.SCHED_OTHER if granted else before] * 2, (seen, child.stdout)
assert not be_real_time_throughout(0)
waiting.set()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
