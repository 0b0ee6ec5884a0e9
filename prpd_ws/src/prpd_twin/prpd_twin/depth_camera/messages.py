"""What a RealSense driver publishes: depth images in millimetres, and what the camera is like."""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from prpd_task.cell import Intrinsics

FRAME = "camera_depth_optical_frame"


def depth_image(depth: np.ndarray, stamp_ns: int) -> Image:
    """Of (H, W) uint16 mm, 0 for holes."""
    height, width = depth.shape
    header = Header(frame_id=FRAME, stamp=Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9))
    data = array.array("B", depth.tobytes())
    return Image(header=header, encoding="16UC1", height=height, width=width, step=2 * width, data=data)


def camera_info(intrinsics: Intrinsics, header: Header) -> CameraInfo:
    """Of a rectified camera, for the image with that header."""
    i = intrinsics
    return CameraInfo(
        header=header,
        width=i.width,
        height=i.height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[i.fx, 0.0, i.cx, 0.0, i.fy, i.cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[i.fx, 0.0, i.cx, 0.0, 0.0, i.fy, i.cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )
