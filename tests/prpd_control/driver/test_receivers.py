"""Who receives first, and when: on a real thread, where the system grants real-time priority."""

from __future__ import annotations

import os
import threading
import time

import pytest

from prpd_control.driver.receivers import CALM, Receivers
from prpd_control.driver.settings import DriverSettings
from prpd_task.scheduling import be_real_time

SETTINGS = DriverSettings()
ON_TIME, OVERDUE = SETTINGS.period, 0.6 * SETTINGS.state_age


@pytest.fixture
def granted():
    told = []
    thread = threading.Thread(target=lambda: told.append(be_real_time(1)))
    thread.start()
    thread.join()
    if not told[0]:
        pytest.skip("this system grants no real-time priority")


@pytest.fixture
def thread():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield thread.native_id
    end.set()
    thread.join()


def policy(thread):
    return os.sched_getscheduler(thread)


def test_a_late_state_makes_them_hurry_until_all_is_calm_again(granted, thread):
    receivers = Receivers(SETTINGS)
    receivers.adopt()
    now = time.monotonic()
    receivers.see(now, ON_TIME)
    assert policy(thread) == os.sched_getscheduler(0), "as this process, which may run at any priority"
    receivers.see(now, OVERDUE)
    assert policy(thread) == os.SCHED_FIFO
    assert os.sched_getparam(thread).sched_priority == SETTINGS.realtime_priority + 1, "above the loop"
    receivers.see(now + 0.5 * CALM, ON_TIME)
    assert policy(thread) == os.SCHED_FIFO
    receivers.see(now + 1.1 * CALM, ON_TIME)
    assert policy(thread) == os.SCHED_OTHER


def test_a_thread_that_has_ended_is_no_trouble(granted, thread):
    receivers = Receivers(SETTINGS)
    other = threading.Thread(target=lambda: time.sleep(0.05))
    other.start()
    receivers.adopt()
    other.join()
    time.sleep(0.05)
    receivers.hurry(0.0)
    receivers.see(10.0, ON_TIME)


def test_without_real_time_priority_they_stay_calm(thread):
    receivers = Receivers(DriverSettings(realtime_priority=0))
    receivers.adopt()
    receivers.see(0.0, OVERDUE)
    assert policy(thread) == os.sched_getscheduler(0)
