from __future__ import annotations

import pytest

from prpd_control.driver.lateness import BIN, Lateness, quantile
from prpd_control.driver.link import LinkClock


def feed(clock, *, start, count, delay=0.0, period=0.002, offset=1000.0):
    """Ages when a packet comes each period, `delay` late."""
    return [age(clock, start + i * period + delay, start + i * period - offset) for i in range(count)]


def age(clock, now, timestamp):
    return now - clock.measured(now, timestamp)


def test_a_healthy_link_is_fresh():
    assert max(feed(LinkClock(), start=5.0, count=500)) < 1e-5


def test_age_grows_while_nothing_comes():
    clock = LinkClock()
    feed(clock, start=0.0, count=10)
    assert age(clock, 0.018 + 0.05, 0.018 - 1000.0) == pytest.approx(0.05, abs=1e-4)


def test_late_packets_are_old_although_they_keep_coming():
    clock = LinkClock()
    feed(clock, start=0.0, count=500)
    ages = feed(clock, start=1.0, count=50, delay=0.08)
    assert min(ages) > 0.079


def test_clocks_may_drift_apart():
    clock = LinkClock()
    ages = [age(clock, i * 0.002 * (1 + 1e-4), i * 0.002) for i in range(300_000)]
    assert max(ages) < 1e-3


def test_a_controller_that_started_anew_is_fresh():
    clock = LinkClock()
    feed(clock, start=100.0, count=10)
    assert age(clock, 101.0, -950.0) == 0.0


def test_quantiles_of_lateness():
    late = Lateness()
    for i in range(1000):
        late.add(i * 1e-5)
    assert quantile(late.counts, 0.5) == pytest.approx(0.005, abs=2 * BIN)
    assert quantile(late.counts, 1.0) == pytest.approx(0.01, abs=2 * BIN)
    total = Lateness()
    total.take(late)
    assert quantile(total.counts, 0.5) == pytest.approx(0.005, abs=2 * BIN)
    assert quantile(late.counts, 0.99) == 0.0
