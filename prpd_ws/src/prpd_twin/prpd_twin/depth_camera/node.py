"""`depth_camera`: publishes what a RealSense driver would, of the soil world's snapshots."""

from __future__ import annotations

import array
import time
from dataclasses import fields
from pathlib import Path

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_twin.depth_camera.camera import Exposure, VirtualCamera
from prpd_twin.depth_camera.noise import NoiseModel
from prpd_twin.depth_camera.shutter import Shutter
from prpd_twin.snapshot import SnapshotReader

FRAME = "camera_depth_optical_frame"


class DepthCameraNode(Node):
    """Parameters: cell_file, bucket_shape, snapshot (path), rate (Hz), seed, `noise.<term>` for each noise term."""

    def __init__(self) -> None:
        super().__init__("depth_camera")
        value = {
            name: self.declare_parameter(name, default).value
            for name, default in (
                ("cell_file", ""),
                ("bucket_shape", "fork"),
                ("snapshot", ""),
                ("rate", 30.0),
                ("seed", 0),
            )
        }
        noise = {f.name: self.declare_parameter(f"noise.{f.name}", f.default).value for f in fields(NoiseModel)}
        if not value["rate"] > 0:
            raise ValueError(f"parameter rate must be positive, not {value['rate']!r}")
        cell = Cell.load(value["cell_file"]) if value["cell_file"] else Cell()
        reader = SnapshotReader(Path(value["snapshot"]) if value["snapshot"] else None)
        self._camera = VirtualCamera(
            reader=reader,
            cell=cell,
            bucket=BucketGeometry(shape=value["bucket_shape"]),
            noise=NoiseModel(**noise),
            seed=value["seed"],
        )
        self._info = _camera_info(cell)
        qos = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
        self._images = self.create_publisher(Image, "camera/depth/image_rect_raw", qos)
        self._infos = self.create_publisher(CameraInfo, "camera/depth/camera_info", qos)
        self._shutter = Shutter(1.0 / value["rate"])

    def beat(self) -> float:
        """Publish the next image when it is time; returns s until it is time again."""
        wait = self._shutter.opens - time.monotonic()
        if wait > 0:
            return wait
        exposure = self._camera.expose(self._shutter.due_ns)
        if exposure is None:
            self._shutter.missed(time.monotonic())
        else:
            self._shutter.shown(exposure.stamp_ns, exposure.begun)
            self._publish(exposure)
        return max(self._shutter.opens - time.monotonic(), 0.0)

    def _publish(self, exposure: Exposure) -> None:
        image = Image(
            encoding="16UC1",
            height=exposure.depth.shape[0],
            width=exposure.depth.shape[1],
            step=2 * exposure.depth.shape[1],
        )
        image.header.frame_id = FRAME
        image.header.stamp = Time(sec=exposure.stamp_ns // 10**9, nanosec=exposure.stamp_ns % 10**9)
        image.data = array.array("B", exposure.depth.tobytes())
        self._info.header = image.header
        self._infos.publish(self._info)
        self._images.publish(image)


def _camera_info(cell: Cell) -> CameraInfo:
    i = cell.intrinsics
    return CameraInfo(
        width=i.width,
        height=i.height,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[i.fx, 0.0, i.cx, 0.0, i.fy, i.cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[i.fx, 0.0, i.cx, 0.0, 0.0, i.fy, i.cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def main() -> int:
    """Console script."""
    from prpd_ros.process import spin

    return spin(DepthCameraNode, beat=DepthCameraNode.beat)
