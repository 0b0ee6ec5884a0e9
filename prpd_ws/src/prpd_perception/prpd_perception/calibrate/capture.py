"""Take pictures for a calibration session from the running graph."""

from __future__ import annotations

import sys
import time

import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, Image

from prpd_interfaces.msg import BucketState
from prpd_perception.calibrate.session import Session, find_board
from prpd_perception.depth_image import intrinsics_of
from prpd_task.errors import UserError
from prpd_task.frames import Pose

STILL = 0.002
"""m/s, faster is no picture taken."""
PATIENCE = 2.0
"""s that picture and arm's state may take to come."""


class Capture(Node):
    """Holds the newest picture and bucket state."""

    def __init__(self, image_topic: str, info_topic: str) -> None:
        super().__init__("calibrate_camera")
        self.image: Image | None = None
        self.info: CameraInfo | None = None
        self.bucket: BucketState | None = None
        self.create_subscription(Image, image_topic, lambda m: setattr(self, "image", m), 2)
        self.create_subscription(CameraInfo, info_topic, lambda m: setattr(self, "info", m), 2)
        self.create_subscription(BucketState, "bucket/state", lambda m: setattr(self, "bucket", m), 10)

    def take(self, session: Session, *, columns: int, rows: int) -> str:
        """Keep the next picture; says what came of it."""
        asked, deadline = self.get_clock().now(), time.monotonic() + PATIENCE
        while (missing := self._missing(asked)) and time.monotonic() < deadline:
            rclpy.spin_once(self, timeout_sec=0.1)
        if missing or self.image is None or self.info is None or self.bucket is None:
            return f"nothing new within {PATIENCE:g} s on: {', '.join(missing)}; does it come, by this PC's clock?"
        v = self.bucket.twist.linear
        if np.linalg.norm([v.x, v.y, v.z]) > STILL:
            return "the arm still moves; wait until it rests"
        picture = grey(self.image)
        if find_board(picture, columns=columns, rows=rows) is None:
            return "the board is not seen whole; turn it to the camera, check --columns and --rows"
        p, q = self.bucket.pose.position, self.bucket.pose.orientation
        pose = Pose.from_arrays((p.x, p.y, p.z), (q.x, q.y, q.z, q.w))
        path = session.add(picture, pose, intrinsics_of(width=self.info.width, height=self.info.height, k=self.info.k))
        return f"kept {path}"

    def _missing(self, asked: Time) -> list[str]:
        """What is not known of the time since then: an older picture may show the board on its way."""
        missing = [] if self.info is not None else ["camera_info"]
        for name, message in (("image", self.image), ("bucket/state", self.bucket)):
            if message is None or Time.from_msg(message.header.stamp) < asked:
                missing.append(name)
        return missing


def grey(image: Image) -> np.ndarray:
    """(H, W) uint8 of a mono8, rgb8 or bgr8 image."""
    channels = {"mono8": 1, "8UC1": 1, "rgb8": 3, "bgr8": 3}.get(image.encoding)
    if channels is None:
        raise UserError(f"pictures of encoding {image.encoding!r} show no board; use a topic of mono8, rgb8 or bgr8")
    rows = np.frombuffer(image.data, np.uint8).reshape(image.height, image.step)[:, : image.width * channels]
    picture = rows.reshape(image.height, image.width, channels)
    return np.ascontiguousarray(picture[..., 0] if channels == 1 else picture.mean(-1).astype(np.uint8))


def capture(session: Session, *, image_topic: str, info_topic: str, columns: int, rows: int) -> None:
    """Take a picture after each Enter, until `q`."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = Capture(image_topic, info_topic)
    print(
        "Move the bucket with the board to a new pose, wait, press Enter; turn it about two axes. q ends.",
        flush=True,
    )
    try:
        for line in sys.stdin:
            if line.strip().lower() == "q":
                return
            print(node.take(session, columns=columns, rows=rows), flush=True)
    finally:
        node.destroy_node()
        rclpy.shutdown()
