"""How simulated time follows the wall clock, on a clock of the test's own."""

from __future__ import annotations

import pytest

from prpd_twin.soil_world import pace as module
from prpd_twin.soil_world.pace import AT_ONCE, Pace


class Clock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def test_whoever_is_quick_gets_one_period_after_the_other(clock):
    pace = Pace(0.02)
    pace.wait()
    for i in range(1, 100):
        clock.now += 0.013
        assert pace.wait() == 1
        assert clock.now == pytest.approx(100.0 + 0.02 * i)
    assert pace.real_time_factor == pytest.approx(1.0)


def test_a_delay_is_made_up_for_at_once(clock):
    pace = Pace(0.02)
    pace.wait()
    clock.now += 0.075
    assert pace.wait() == 3, "periods that began 0.02, 0.04 and 0.06 s later"
    assert pace.wait() == 1
    assert clock.now == pytest.approx(100.08)


def test_no_time_is_lost_by_delays_on_and_on(clock):
    pace, periods = Pace(0.02), 0
    for _ in range(100):
        periods += pace.wait()
        clock.now += 0.034
    assert periods == pytest.approx((clock.now - 100.0) / 0.02, abs=2)
    assert pace.real_time_factor > 0.98


def test_what_is_too_late_is_lost_and_counted(clock):
    pace = Pace(0.02)
    pace.wait()
    for _ in range(20):
        clock.now += 0.2
        assert pace.wait() == AT_ONCE
    assert pace.real_time_factor == pytest.approx(AT_ONCE * 0.02 / 0.2, abs=0.05)


def test_a_pause_that_was_meant_does_not_count(clock):
    pace = Pace(0.02)
    pace.wait()
    clock.now += 5.0
    pace.restart()
    assert [pace.wait() for _ in range(100)] == [1] * 100
    assert pace.real_time_factor == pytest.approx(1.0)
