import sys

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import Int32

from prpd_ros.executor import thrifty_executor


@pytest.fixture
def ros():
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.mark.parametrize("has_events", [True, False])
def test_messages_come_with_and_without_an_executor_of_events(ros, monkeypatch, has_events):
    if not has_events:
        monkeypatch.setitem(sys.modules, "rclpy.experimental", None)  # as in an older rclpy
    executor, node, seen = thrifty_executor(), rclpy.create_node("listener"), []
    assert isinstance(executor, SingleThreadedExecutor) == (not has_events)
    executor.add_node(node)
    node.create_subscription(Int32, "numbers", lambda message: seen.append(message.data), 10)
    publisher = node.create_publisher(Int32, "numbers", 10)
    for number in range(200):
        publisher.publish(Int32(data=number))
        executor.spin_once(timeout_sec=0.05)
        if len(seen) >= 5:
            break
    assert len(seen) >= 5, f"of {number + 1} messages came {seen}"
    executor.shutdown()
    node.destroy_node()
