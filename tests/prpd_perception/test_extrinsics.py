"""Where the camera stands. TF is the real one where ROS has it; the Python wheels of ROS lack it, and say so."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("prpd_interfaces.msg", reason="the interfaces are not built; run ./prpd build")
import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from prpd_perception.calibrate.cell_file import write
from prpd_perception.estimate import BadImageError
from prpd_perception.extrinsics import Extrinsics
from prpd_perception.parameters import Parameters
from prpd_task.cell import Cell, Intrinsics
from prpd_task.frames import Pose

HAS_TF = importlib.util.find_spec("tf2_ros") is not None
POSE = Pose.from_rpy((0.1, 0.5, 0.6), roll=2.5, pitch=0.1, yaw=0.2)


@pytest.fixture
def node() -> Iterator[Node]:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = Node("camera_user")
    yield node
    node.destroy_node()
    rclpy.shutdown()


def test_the_cells_file_says_where_the_camera_stands(node: Node, tmp_path: Path) -> None:
    write(tmp_path / "cell.yaml", Cell(), POSE, Intrinsics())
    extrinsics = Extrinsics(node, Parameters(cell_file=str(tmp_path / "cell.yaml")))
    assert extrinsics.cell("any_frame") == Cell(soil_from_camera=POSE)


@pytest.mark.skipif(HAS_TF, reason="tf2_ros is installed")
def test_the_lack_of_tf_is_named_with_what_to_do(node: Node) -> None:
    with pytest.raises(ImportError, match="need the package tf2_ros; install it or set extrinsics to `cell`"):
        Extrinsics(node, Parameters(extrinsics="tf"))


@pytest.mark.skipif(not HAS_TF, reason="tf2_ros is not among the Python wheels of ROS")
def test_tf_says_where_the_camera_stands(node: Node) -> None:
    from tf2_ros import StaticTransformBroadcaster

    extrinsics = Extrinsics(node, Parameters(extrinsics="tf"))
    with pytest.raises(BadImageError, match="TF does not know frame 'camera_depth_optical_frame'"):
        extrinsics.cell("camera_depth_optical_frame")
    transforms = [transform("soil", "camera_link", POSE), transform("camera_link", "camera_depth_optical_frame", POSE)]
    StaticTransformBroadcaster(node).sendTransform(transforms)
    found, deadline = None, time.monotonic() + 10
    while found is None and time.monotonic() < deadline:
        rclpy.spin_once(node, timeout_sec=0.1)
        try:
            found = extrinsics.cell("camera_depth_optical_frame")
        except BadImageError as error:
            print(error)
    extrinsics.close()
    assert found is not None
    wanted = POSE @ POSE
    np.testing.assert_allclose(found.soil_from_camera.position, wanted.position, atol=1e-9)
    assert abs(np.dot(found.soil_from_camera.quaternion, wanted.quaternion)) == pytest.approx(1)


def transform(parent: str, child: str, pose: Pose) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    t, r = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = pose.position
    r.x, r.y, r.z, r.w = pose.quaternion
    return message
