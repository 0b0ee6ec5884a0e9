"""The viewer on real topics and a real snapshot of the soil, up to the web server."""

import json
import re
import socket
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import rclpy
from sensor_msgs.msg import JointState

import prpd_control.watch.viewer as viewer_module
from prpd_control.watch.viewer import ViewerNode, policy_text, state_text
from prpd_interfaces.msg import BucketState, PolicyStatus, RockState, SoilState
from prpd_task.frames import Pose
from prpd_twin.snapshot import Scene, SnapshotWriter


@pytest.fixture
def viewer():
    rclpy.init()
    node = ViewerNode()
    yield node
    node.close()
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def soil():
    with SnapshotWriter() as writer:
        corners = np.array([[0, 0, 0], [0.05, 0, 0], [0, 0.05, 0], [0, 0, 0.05]], np.float32)
        faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
        writer.write_scene(Scene((0.2, 0.2, 0.1), 0.02, 0.01, corners, faces))
        rock = Pose.from_rpy((0.01, 0.02, 0.03))
        writer.write(stamp_ns=1, grains=np.zeros((50, 3), np.float32), rock=rock, bucket=rock)
        yield writer


def rock_state():
    rock = RockState(status=RockState.STATUS_OK, confidence=0.9, visible_fraction=0.5)
    rock.pose.pose.position.x = 0.1
    rock.pose.pose.orientation.w = 1.0
    return rock


def test_the_page_shows_arm_soil_estimate_and_truth(viewer, soil):
    publishers = {
        m: viewer.create_publisher(m, t, 1) for m, t in ((JointState, "joint_states"), (RockState, "rock/state"))
    }
    before = [handle.position.copy() for handle in viewer._arm_handles]
    deadline = time.monotonic() + 20
    while not (viewer._estimate.visible and viewer._truth.visible) and time.monotonic() < deadline:
        publishers[RockState].publish(rock_state())
        publishers[JointState].publish(JointState(name=["shoulder_lift_joint"], position=[-1.0]))
        rclpy.spin_once(viewer, timeout_sec=0.1)
    assert tuple(viewer._estimate.position) == (0.1, 0.0, 0.0)
    assert tuple(viewer._truth.position) == pytest.approx((0.01, 0.02, 0.03))
    moved = [not np.allclose(a, h.position) for a, h in zip(before, viewer._arm_handles, strict=True)]
    assert any(moved)
    assert "90% sure" in viewer._state.content
    with urllib.request.urlopen(f"http://127.0.0.1:{viewer._server.get_port()}", timeout=10) as page:
        assert b"<html" in page.read()


def test_a_port_that_is_taken_costs_only_the_number(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        rclpy.init(args=["--ros-args", "-p", f"port:={port}"])
        node = ViewerNode()
        try:
            assert node._server.get_port() != port
        finally:
            node.close()
            node.destroy_node()
            rclpy.shutdown()


def test_numbers_in_words():
    bucket = BucketState(mode=BucketState.MODE_STREAMING, reason="digging")
    bucket.wrench.force.z = -12.0
    soil = SoilState(environment="cube_sand", in_bucket=True, real_time_factor=0.98)
    text = state_text(bucket, rock_state(), soil)
    assert "12 N digging" in text
    assert "cube_sand: in the bucket; real-time factor 0.98" in text
    assert state_text(None, None, None) == "waiting for the graph"
    status = PolicyStatus(step=3, observation_names=["x"], observation=[0.5], action=[0.1, 0.0, -0.2, 1.0])
    assert "| x | 0.500 |" in policy_text(status)
    assert "| **action z** | -0.20 |" in policy_text(status)
    assert policy_text(None) == "the policy has not acted yet"


TYPES = {
    "/bucket/state": BucketState,
    "/rock/state": RockState,
    "/soil/state": SoilState,
    "/policy/status": PolicyStatus,
}


def foxglove_paths():
    layout = json.loads((Path(viewer_module.__file__).parent / "foxglove.json").read_text())
    return [path["value"] for panel in layout["configById"].values() for path in panel.get("paths", [])]


@pytest.mark.parametrize("path", foxglove_paths())
def test_the_layout_for_foxglove_plots_what_is_published(path):
    topic, *names = re.sub(r"\[\d+\]", "", path).split(".")
    value = TYPES[topic]()
    for name in names:
        value = getattr(value, name)
    assert isinstance(value, (float, int, bool)) or len(value) >= 0
