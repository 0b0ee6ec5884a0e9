"""The period of decisions, on a node of this process."""

from __future__ import annotations

import time

import numpy as np
import pytest
import rclpy

from prpd_control.excavate.beat import LEAN, Beat, following

PERIOD = 0.1


@pytest.fixture
def node():
    rclpy.init()
    node = rclpy.create_node("beating")
    yield node
    node.destroy_node()
    rclpy.shutdown()


def until(node, calls, count):
    """Spin until there are so many calls."""
    deadline = time.monotonic() + 30
    while len(calls) < count and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    assert len(calls) >= count, f"{len(calls)} calls in 30 s"


@pytest.mark.parametrize("by", [0.002, -0.002, 0.0])
def test_it_keeps_its_period_and_each_shift_moves_all_that_follow(node, by):
    calls: list[float] = []

    def act() -> None:
        calls.append(time.monotonic())
        beat.shift(by, most=LEAN)
        dues.append(beat.due)

    beat = Beat(node, PERIOD, act)
    dues = [beat.due]
    until(node, calls, 21)
    beat.stop()
    late = np.array(calls) - dues[: len(calls)]
    assert late.min() > -1e-3, f"{late} s after they were due"
    assert np.median(late) < 0.02, f"{late} s after they were due"
    assert np.max(late) - 0.02 < beat.longest_delay < np.max(late) + 1e-6
    periods = (np.diff(dues) - by) / PERIOD  # one each, or more where this machine paused
    np.testing.assert_allclose(periods, np.round(periods), atol=1e-6)
    assert np.median(periods) == pytest.approx(1.0)


@pytest.mark.parametrize("sign", [1, -1])
def test_it_shifts_no_further_than_is_allowed(node, sign):
    beat = Beat(node, PERIOD, lambda: None)
    due = beat.due
    beat.shift(sign * 0.05, most=LEAN)
    assert beat.due == pytest.approx(due + sign * LEAN)
    beat.shift(sign * 0.04, most=PERIOD)
    assert beat.due == pytest.approx(due + sign * (LEAN + 0.04))
    beat.stop()


@pytest.mark.parametrize("within", [False, True])
def test_it_stays_stopped(node, within):
    calls: list[float] = []

    def act() -> None:
        calls.append(time.monotonic())
        beat.stop()

    beat = Beat(node, 0.01, act)
    if not within:
        beat.stop()
    beat.shift(LEAN, most=LEAN)
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.02)
    assert len(calls) == within


@pytest.mark.parametrize("now, due", [(10.0, 10.1), (10.004, 10.1), (10.104, 10.2), (10.35, 10.4), (9.999, 10.1)])
def test_what_was_missed_is_not_made_up_for(now, due):
    assert following(10.0, now, PERIOD) == pytest.approx(due)
