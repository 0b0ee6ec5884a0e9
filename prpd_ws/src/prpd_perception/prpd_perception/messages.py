"""Estimates as ROS messages."""

from __future__ import annotations

import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from sensor_msgs.msg import Image, PointCloud2, PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from prpd_interfaces.msg import RockState
from prpd_perception.estimate import RockEstimate, Status
from prpd_perception.height_map import HeightMap

FRAME = "soil"


def header(stamp: Time) -> Header:
    """In the soil frame."""
    return Header(stamp=stamp, frame_id=FRAME)


def rock_state(estimate: RockEstimate, stamp: Time) -> RockState:
    """The message for an estimate; a rock that is lost keeps no pose."""
    message = RockState(header=header(stamp), status=int(estimate.status), message=estimate.message)
    message.surface_height = float(estimate.surface_height)
    message.pose.pose.orientation.w = 1.0
    if estimate.status not in (Status.OK, Status.OCCLUDED):
        return message
    message.id = estimate.identity
    p = message.pose.pose.position
    p.x, p.y, p.z = (float(v) for v in estimate.position)
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = estimate.covariance
    covariance[3, 3] = covariance[4, 4] = np.pi**2
    covariance[5, 5] = (np.pi / 6) ** 2 if estimate.shape else np.pi**2
    message.pose.covariance = covariance.reshape(-1).tolist()
    if estimate.shape is not None:
        message.size.x, message.size.y, message.size.z = estimate.shape.size
        q = message.pose.pose.orientation
        q.z, q.w = float(np.sin(estimate.shape.yaw / 2)), float(np.cos(estimate.shape.yaw / 2))
    message.visible_fraction = float(estimate.visible_fraction)
    message.confidence = float(estimate.confidence)
    message.in_bucket = float(estimate.in_bucket)
    return message


def problem(status: Status, text: str, stamp: Time) -> RockState:
    """A message that reports why nothing is known."""
    return rock_state(RockEstimate(stamp=0.0, status=status, message=text), stamp)


def height_map(soil: HeightMap, stamp: Time) -> Image:
    """A 32FC1 image, m in the soil frame, NaN where unseen; rows along y, columns along x, centred at the origin."""
    heights = np.where(soil.seen, soil.height, np.nan).astype(np.float32)
    rows, columns = soil.grid.shape
    data = array.array("B", heights.tobytes())
    return Image(header=header(stamp), width=columns, height=rows, encoding="32FC1", step=4 * columns, data=data)


def cloud(xyz: np.ndarray, stamp: Time) -> PointCloud2:
    """Points (3, N) m."""
    fields = [PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1) for i, name in enumerate("xyz")]
    data = array.array("B", np.ascontiguousarray(xyz.T, np.float32).tobytes())
    n = xyz.shape[1]
    return PointCloud2(
        header=header(stamp), height=1, width=n, fields=fields, point_step=12, row_step=12 * n, data=data, is_dense=True
    )


def markers(estimate: RockEstimate, stamp: Time) -> MarkerArray:
    """A box for the rock, and a ball of two standard deviations."""
    if estimate.status not in (Status.OK, Status.OCCLUDED):
        return MarkerArray(markers=[Marker(header=header(stamp), action=Marker.DELETEALL)])
    state = rock_state(estimate, stamp)
    box = Marker(header=state.header, ns="rock", id=0, type=Marker.CUBE, pose=state.pose.pose)
    sizes = estimate.shape.size if estimate.shape else (0.0, 0.0, 0.0)
    box.scale.x, box.scale.y, box.scale.z = (float(v) if v > 0 else 0.05 for v in sizes)
    box.color.r, box.color.g, box.color.b, box.color.a = 0.2, 0.8, 0.3, 0.7
    ball = Marker(header=state.header, ns="rock_deviation", id=1, type=Marker.SPHERE)
    ball.pose.position = Point(x=state.pose.pose.position.x, y=state.pose.pose.position.y, z=state.pose.pose.position.z)
    ball.pose.orientation.w = 1.0
    ball.scale.x, ball.scale.y, ball.scale.z = (float(4 * np.sqrt(v)) for v in np.diag(estimate.covariance))
    ball.color.r, ball.color.g, ball.color.b, ball.color.a = 0.9, 0.7, 0.1, 0.25
    return MarkerArray(markers=[box, ball])
