"""`depth_camera`: publishes what a RealSense driver would, of the soil world's snapshots."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_twin.depth_camera.camera import Exposure, VirtualCamera
from prpd_twin.depth_camera.messages import camera_info, depth_image
from prpd_twin.depth_camera.noise import NoiseModel
from prpd_twin.depth_camera.shutter import Shutter
from prpd_twin.snapshot import SnapshotReader


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
        self._intrinsics = cell.intrinsics
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
        image = depth_image(exposure.depth, exposure.stamp_ns)
        self._infos.publish(camera_info(self._intrinsics, image.header))
        self._images.publish(image)


def main() -> int:
    """Console script."""
    from prpd_ros.process import spin

    return spin(DepthCameraNode, beat=DepthCameraNode.beat)
