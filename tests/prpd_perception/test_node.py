from __future__ import annotations

import array
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("prpd_interfaces.msg", reason="the interfaces are not built; run ./prpd build")
import rclpy
from builtin_interfaces.msg import Time
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image

from prpd_interfaces.msg import BucketState, RockState
from prpd_perception.node import RockStateNode
from prpd_task.cell import Cell
from prpd_task.frames import Pose


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[RockStateNode]:
    monkeypatch.setenv("ROS_DOMAIN_ID", "101")
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    subject = RockStateNode()
    yield subject
    subject.destroy_node()
    rclpy.shutdown()


def image(depth: np.ndarray, *, seconds: int, encoding: str = "16UC1") -> Image:
    message = Image(height=depth.shape[0], width=depth.shape[1], encoding=encoding, step=depth.strides[0])
    message.header.frame_id = "camera_depth_optical_frame"
    message.header.stamp = Time(sec=seconds)
    message.data = array.array("B", depth.tobytes())
    return message


def info(**changed) -> CameraInfo:
    i = Cell().intrinsics
    k = [i.fx, 0.0, i.cx, 0.0, i.fy, i.cy, 0.0, 0.0, 1.0]
    return CameraInfo(**({"width": i.width, "height": i.height, "k": k} | changed))


def bucket(seconds: int) -> BucketState:
    state = BucketState()
    state.header.stamp = Time(sec=seconds)
    state.pose.position.y, state.pose.position.z = -0.38, 0.25
    return state


def test_it_answers_with_the_images_own_stamp(node: RockStateNode, studio: Any) -> None:
    node._on_info(info())
    node._on_bucket(bucket(7))
    state, estimate = node.answer(image(studio.millimetres(rock=Pose((0.0, 0.0, 0.02))), seconds=7))
    assert estimate is not None and state.header.stamp.sec == 7 and state.header.frame_id == "soil"
    assert state.status == RockState.STATUS_OK and abs(state.pose.pose.position.z - 0.02) < 0.015


def test_what_is_missing_is_named(node: RockStateNode, studio: Any) -> None:
    depth = studio.millimetres()
    assert "camera_info" in node.answer(image(depth, seconds=1))[0].message
    node._on_info(info())
    assert "bucket" in node.answer(image(depth, seconds=2))[0].message
    node._on_bucket(bucket(3))
    node._on_info(info(k=[0.0] * 9))
    state, _ = node.answer(image(depth, seconds=3))
    assert state.status == RockState.STATUS_BAD_IMAGE and "intrinsics" in state.message


def test_bad_parameters_keep_it_unconfigured(node: RockStateNode) -> None:
    node.trigger_deactivate()
    node.trigger_cleanup()
    node.set_parameters([Parameter("bucket_shape", value="spoon")])
    node.trigger_configure()
    assert node._state_machine.current_state[1] == "unconfigured"


def test_a_parameter_that_would_not_count_is_refused(node: RockStateNode) -> None:
    (refused,) = node.set_parameters([Parameter("debug_rate", value=5.0)])
    assert not refused.successful and refused.reason == "deactivate and clean up rock_state to change debug_rate"


def malformed(rng: np.random.Generator, good: np.ndarray, seconds: int) -> Image:
    """One of many ways in which an image can be wrong."""
    kind = int(rng.integers(11))
    depth = good.copy()
    message = image(depth, seconds=seconds)
    if kind == 0:
        message.encoding = str(rng.choice(["rgb8", "", "8UC1", "32FC1", "16SC1", "mono8", "\u00e9"]))
    elif kind == 1:
        message.width, message.height = (int(v) for v in rng.integers(0, 2**31, 2))
    elif kind == 2:
        message.step = int(rng.integers(0, 2**31))
    elif kind == 3:
        message.data = message.data[: int(rng.integers(0, len(message.data)))]
    elif kind == 4:
        message = image(
            np.full(depth.shape, rng.choice([np.nan, np.inf, -1.0, 0.0, 1e30]), np.float32),
            seconds=seconds,
            encoding="32FC1",
        )
    elif kind == 5:
        message = image(np.full(depth.shape, rng.integers(0, 2**16), np.uint16), seconds=seconds)
    elif kind == 6:
        message = image(rng.integers(0, 2 ** int(rng.integers(1, 17)), depth.shape).astype(np.uint16), seconds=seconds)
    elif kind == 7:
        message = image(np.ascontiguousarray(depth[::-1, ::-1]), seconds=seconds)
    elif kind == 8:
        message.header.stamp = Time(sec=int(rng.integers(-(2**31), seconds)))
    elif kind == 9:
        message.is_bigendian = 1
    else:
        message = image(np.ascontiguousarray(np.roll(depth, int(rng.integers(100, 540)), 1)), seconds=seconds)
    return message


def fuzz(node: RockStateNode, good: np.ndarray, number: int) -> None:
    rng = np.random.default_rng(11)
    node._on_info(info())
    for i in range(number):
        seconds = 10 + i
        node._on_bucket(bucket(seconds))
        state, _ = node.answer(malformed(rng, good, seconds))
        assert state.status != RockState.STATUS_OK, f"message {i}: {state}"
        assert state.status == RockState.STATUS_LOST or state.message, f"message {i} is not explained"
        assert state.confidence <= 0.5
    node._on_bucket(bucket(10 + number))
    assert node.answer(image(good, seconds=10 + number))[1] is not None


def test_malformed_messages_are_refused_and_survived(node: RockStateNode, studio: Any) -> None:
    fuzz(node, studio.millimetres(), 150)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_thousand_malformed_messages_are_refused_and_survived(node: RockStateNode, studio: Any) -> None:
    fuzz(node, studio.millimetres(), 10_000)
