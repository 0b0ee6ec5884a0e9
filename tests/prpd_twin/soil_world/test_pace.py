"""How simulated time follows the wall clock, on a clock of the test's own."""

from __future__ import annotations

import pytest

from prpd_twin.soil_world import pace as module
from prpd_twin.soil_world.pace import PATIENCE, Pace


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
        assert pace.wait() == pytest.approx(0.0, abs=1e-9)
        assert clock.now == pytest.approx(100.0 + 0.02 * i)
    assert pace.real_time_factor == pytest.approx(1.0)


def test_whoever_was_held_up_need_not_wait_until_it_has_caught_up(clock):
    pace, late = Pace(0.02), []
    pace.wait()
    clock.now += 0.02 + PATIENCE
    for _ in range(5):
        late.append(pace.wait())
        clock.now += 0.005
    assert late == pytest.approx([PATIENCE, PATIENCE - 0.015, PATIENCE - 0.03, PATIENCE - 0.045, 0.0], abs=1e-9)


def test_no_time_is_lost_while_periods_take_no_longer_than_they_last(clock):
    pace, periods = Pace(0.02), 500
    for i in range(periods):
        pace.wait()
        clock.now += PATIENCE if i % 5 == 0 else 0.01
    assert clock.now - 100.0 == pytest.approx(periods * 0.02, abs=0.1)
    assert pace.real_time_factor == 1.0


def test_whoever_is_too_slow_stays_a_little_behind_and_says_what_is_lost(clock):
    pace = Pace(0.02)
    for _ in range(200):
        late = pace.wait()
        clock.now += 0.04
    assert late == pytest.approx(2 * PATIENCE, rel=0.05), "each period stands for two"
    assert pace.real_time_factor == pytest.approx(0.5, abs=0.02)


def test_a_pause_that_was_meant_does_not_count(clock):
    pace = Pace(0.02)
    pace.wait()
    clock.now += 5.0
    pace.restart()
    assert [pace.wait() for _ in range(100)] == pytest.approx([0.0] * 100, abs=1e-9)
    assert pace.real_time_factor == pytest.approx(1.0)
