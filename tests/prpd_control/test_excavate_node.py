"""The excavate node's parameters, in this process."""

from __future__ import annotations

import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn

from prpd_control.excavate.node import ExcavateNode


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
