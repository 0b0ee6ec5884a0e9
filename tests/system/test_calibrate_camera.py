"""`prpd calibrate camera --capture` beside a camera and an arm of the test's own: pictures and poses over ROS."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import numpy as np
import pytest

pytest.importorskip("prpd_interfaces.msg", reason="the interfaces are not built; run ./prpd build")
import rclpy
from chessboard import CAMERA, INTRINSICS, bucket_poses, picture
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, Image

from prpd_interfaces.msg import BucketState
from prpd_task.cell import Cell
from prpd_task.frames import Pose

BLANK = np.full((480, 640), 90, np.uint8)


class CameraAndArm(Node):
    """Publishes picture, camera_info and bucket state, 20 times a second."""

    def __init__(self) -> None:
        super().__init__("camera_and_arm")
        self.picture, self.bucket, self.speed, self.picture_age = BLANK, Pose(), 0.0, 0.0
        self._images = self.create_publisher(Image, "camera/infra1/image_rect_raw", 2)
        self._infos = self.create_publisher(CameraInfo, "camera/infra1/camera_info", 2)
        self._states = self.create_publisher(BucketState, "bucket/state", 10)

    def tick(self) -> None:
        now = self.get_clock().now()
        image = Image(height=480, width=640, step=640, encoding="mono8", data=array("B", self.picture.tobytes()))
        image.header.stamp = (now - Duration(nanoseconds=int(1e9 * self.picture_age))).to_msg()
        self._images.publish(image)
        i = INTRINSICS
        self._infos.publish(CameraInfo(width=640, height=480, k=[i.fx, 0.0, i.cx, 0.0, i.fy, i.cy, 0.0, 0.0, 1.0]))
        state = BucketState()
        state.header.stamp = now.to_msg()
        p, q = state.pose.position, state.pose.orientation
        p.x, p.y, p.z = self.bucket.position
        q.x, q.y, q.z, q.w = self.bucket.quaternion
        state.twist.linear.x = self.speed
        self._states.publish(state)


class Command:
    """The command's process; `press` presses Enter and returns its answer."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "prpd_task.cli", "calibrate", "camera", *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            print("calibrate:", line, end="")
            self._lines.put(line)

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def line(self, cell: CameraAndArm | None = None) -> str:
        """What it says next; meanwhile the cell goes on."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if cell is not None:
                cell.tick()
            try:
                return self._lines.get(timeout=0.05)
            except Empty:
                continue
        raise AssertionError("the command said nothing for 20 s")

    def press(self, cell: CameraAndArm | None = None) -> str:
        self.say("")
        return self.line(cell)


@pytest.fixture
def cell() -> Iterator[CameraAndArm]:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = CameraAndArm()
    yield node
    node.destroy_node()
    rclpy.shutdown()


def test_pictures_taken_over_ros_give_the_camera_back(cell: CameraAndArm, tmp_path: Path) -> None:
    session, output = tmp_path / "pictures", tmp_path / "cell.yaml"
    command = Command("--capture", "--session", session, "--output", output)
    try:
        assert "press Enter" in command.line()
        assert "nothing new within 2 s on: camera_info, image, bucket/state" in command.press()
        answer, deadline = "", time.monotonic() + 20
        while "board" not in answer and time.monotonic() < deadline:  # until the processes have found each other
            answer = command.press(cell)
        assert "board is not seen whole" in answer
        cell.picture, cell.speed = picture(Pose()), 0.05
        assert "still moves" in command.press(cell)
        cell.speed, cell.picture_age = 0.0, 3.0
        assert "nothing new within 2 s on: image" in command.press(cell)
        cell.picture_age = 0.0
        for number, pose in enumerate(bucket_poses(np.random.default_rng(6), 6)):
            cell.bucket, cell.picture = pose, picture(pose)
            assert f"{number:03d}.png" in command.press(cell)
        command.say("q")
        assert command.process.wait(timeout=30) == 0
    finally:
        command.process.kill()
        command.process.wait()
    np.testing.assert_allclose(Cell.load(output).soil_from_camera.position, CAMERA.position, atol=0.003)
