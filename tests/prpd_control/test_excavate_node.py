"""The excavate node's parameters, in this process."""

from __future__ import annotations

import time

import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn

from prpd_control.excavate.node import STEADY, ExcavateNode


@pytest.fixture
def node(make_policy):
    rclpy.init(args=["--ros-args", "-p", f"policy:={make_policy()}", "-p", "realtime_priority:=0"])
    node = ExcavateNode()
    yield node
    node.destroy_node()
    rclpy.shutdown()


def change(node, name, value):
    return node.set_parameters([rclpy.Parameter(name, value=value)])[0]


def test_a_parameter_that_would_not_count_is_refused(node):
    assert change(node, "patience", 2.0).successful
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    refused = change(node, "patience", 3.0)
    assert not refused.successful and refused.reason == "deactivate and clean up excavate to change patience"
    assert node.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    assert change(node, "patience", 3.0).successful


def test_a_parameter_that_makes_no_sense_is_named_when_the_node_is_configured(node, capfd):
    assert change(node, "patience", -1.0).successful
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "patience must be positive" in capfd.readouterr().err
    assert change(node, "patience", 1.0).successful
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS


def test_the_control_period_is_shifted_once_and_stays_as_long(node):
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
    now = time.monotonic()
    for i in range(20):
        node._rock_arrivals.add(now - 2.0 + 0.1 * i, now - 2.08 + 0.1 * i)
    before = node._timer = node.create_timer(0.1, node._tick, clock=STEADY)
    node._shift_period()
    once = node._timer
    assert once is not before and once.timer_period_ns <= 100_000_000
    deadline = time.monotonic() + 20
    while node._timer is once and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
    assert node._timer is not once and node._timer.timer_period_ns == 100_000_000


def test_the_period_stays_as_it_is_where_no_rock_states_came(node):
    before = node._timer = node.create_timer(0.1, node._tick, clock=STEADY)
    node._shift_period()
    assert node._timer is before
