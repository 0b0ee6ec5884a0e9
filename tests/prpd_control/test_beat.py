"""The period of decisions, on a node of this process."""

from __future__ import annotations

import time

import numpy as np
import pytest
import rclpy

from prpd_control.excavate.beat import Beat, next_instant

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


def test_a_shift_moves_the_phase_and_keeps_the_period(node):
    calls = []
    beat = Beat(node, PERIOD, lambda: calls.append(time.monotonic()))
    until(node, calls, 3)
    anchor = calls[-1] + 0.6 * PERIOD
    beat.shift(anchor)
    until(node, calls, 13)
    after = (np.array(calls[3:]) - anchor + PERIOD / 2) % PERIOD - PERIOD / 2
    assert 0.0 <= np.median(after) < 0.02, f"{after} s from the phase that was asked for"
    assert np.median(np.diff(calls[3:])) == pytest.approx(PERIOD, abs=0.02)
    assert calls[3] - calls[2] < 2 * PERIOD + 0.1
    beat.stop()


def test_a_shift_is_no_long_period(node):
    calls = []
    beat = Beat(node, PERIOD, lambda: calls.append(time.monotonic()))
    until(node, calls, 2)
    before = beat.longest
    beat.shift(calls[-1] - 0.01)
    until(node, calls, 3)
    assert beat.longest == before
    beat.stop()


@pytest.mark.parametrize("shift", [False, True])
def test_it_stays_stopped(node, shift):
    calls = []
    beat = Beat(node, 0.01, lambda: calls.append(1))
    if shift:
        beat.shift(time.monotonic())
    beat.stop()
    beat.shift(time.monotonic())
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        rclpy.spin_once(node, timeout_sec=0.02)
    assert calls == []


@pytest.mark.parametrize("anchor", [7.03, 12.43, 9.93])
def test_the_next_instant_keeps_the_phase(anchor):
    instant = next_instant(10.0, anchor, PERIOD)
    assert 10.0 < instant <= 10.1
    assert np.isclose((instant - anchor) / PERIOD, round((instant - anchor) / PERIOD))
