from __future__ import annotations

import ctypes
import os
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
