"""Where things stand in the cell, on /tf_static."""

from __future__ import annotations

from geometry_msgs.msg import Transform, TransformStamped
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time

from prpd_task.cell import BASE_LINK_FROM_BASE, Cell
from prpd_task.frames import Pose


class StaticFrames:
    """Publishes the transforms of one cell at a time."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._publisher: Publisher | None = None

    def publish(self, cell: Cell, *, with_camera: bool) -> None:
        """In place of what was published before; nothing without `tf2_msgs`, which the Python wheels of ROS lack.

        Without the camera where another node says where it stands: a frame has one parent.
        """
        try:
            from tf2_msgs.msg import TFMessage
        except ImportError:
            return
        if self._publisher is not None:  # its message would stay in force
            self._node.destroy_publisher(self._publisher)
        qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._publisher = self._node.create_publisher(TFMessage, "/tf_static", qos)
        transforms = static_transforms(cell, self._node.get_clock().now(), with_camera=with_camera)
        self._publisher.publish(TFMessage(transforms=transforms))


def static_transforms(cell: Cell, stamp: Time, *, with_camera: bool) -> list[TransformStamped]:
    """Of a cell."""
    frames = [
        ("base_link", "base", BASE_LINK_FROM_BASE),
        ("base_link", "soil", cell.base_link_from_soil),
        ("tool0", "bucket", cell.tool0_from_bucket),
    ]
    if with_camera:
        frames.append(("soil", "camera_depth_optical_frame", cell.soil_from_camera))
    return [_transform(parent, child, pose, stamp) for parent, child, pose in frames]


def _transform(parent: str, child: str, pose: Pose, stamp: Time) -> TransformStamped:
    transform = Transform()
    place, rotation = transform.translation, transform.rotation
    place.x, place.y, place.z = pose.position
    rotation.x, rotation.y, rotation.z, rotation.w = pose.quaternion
    message = TransformStamped(child_frame_id=child, transform=transform)
    message.header.frame_id, message.header.stamp = parent, stamp.to_msg()
    return message
