"""From bucket poses in the soil frame to the controller's TCP poses and back, fast enough for 500 Hz.

A *setpoint* is seven numbers: the bucket pose (x, y, z, pitch) and a residual rotation vector of the bucket about its
own axes, which is zero when its lateral axis is level. The residual lets a motion begin where the arm really stands.
A *UR pose* is six numbers: x, y, z in m and a rotation vector in rad, of the TCP in the controller's frame `base`.
The TCP is the bucket frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import atan2, cos, hypot, sin, sqrt

import numpy as np

from prpd_task.frames import Pose

Setpoint = tuple[float, float, float, float, float, float, float]
UrPose = tuple[float, float, float, float, float, float]
Quaternion = tuple[float, float, float, float]


class ToolFrames:
    """The fixed transform between soil and arm. Plain floats: NumPy costs more than the arithmetic at this size."""

    def __init__(self, base_from_soil: Pose) -> None:
        self._rotation = base_from_soil.quaternion
        self._origin = base_from_soil.position
        self._matrix = tuple(tuple(float(v) for v in row) for row in base_from_soil.matrix()[:3, :3])

    def to_ur(self, setpoint: Sequence[float]) -> UrPose:
        """TCP pose of a setpoint."""
        x, y, z, pitch, rx, ry, rz = setpoint
        attitude = _multiply(self._rotation, _pitch(pitch))
        if rx or ry or rz:
            attitude = _multiply(attitude, _exponential(rx, ry, rz))
        px, py, pz = self.vector_to_base((x, y, z))
        ox, oy, oz = self._origin
        return (px + ox, py + oy, pz + oz, *_logarithm(attitude))

    def to_setpoint(self, ur_pose: Sequence[float]) -> Setpoint:
        """Bucket pose and residual of a TCP pose."""
        ox, oy, oz = self._origin
        position = self.vector_to_soil((ur_pose[0] - ox, ur_pose[1] - oy, ur_pose[2] - oz))
        x, y, z, w = self._rotation
        attitude = _multiply((-x, -y, -z, w), _exponential(ur_pose[3], ur_pose[4], ur_pose[5]))
        forward = _forward(attitude)
        pitch = atan2(forward[2], hypot(forward[0], forward[1]))
        residual = _multiply(_pitch(-pitch), attitude)
        return (*position, pitch, *_logarithm(residual))

    def vector_to_soil(self, vector: Sequence[float]) -> tuple[float, float, float]:
        """Direction along the controller's axes to the soil's."""
        m, (x, y, z) = self._matrix, vector
        return (
            m[0][0] * x + m[1][0] * y + m[2][0] * z,
            m[0][1] * x + m[1][1] * y + m[2][1] * z,
            m[0][2] * x + m[1][2] * y + m[2][2] * z,
        )

    def vector_to_base(self, vector: Sequence[float]) -> tuple[float, float, float]:
        """Direction along the soil's axes to the controller's."""
        m, (x, y, z) = self._matrix, vector
        return (
            m[0][0] * x + m[0][1] * y + m[0][2] * z,
            m[1][0] * x + m[1][1] * y + m[1][2] * z,
            m[2][0] * x + m[2][1] * y + m[2][2] * z,
        )


def attitude(setpoint: Sequence[float]) -> Quaternion:
    """(x, y, z, w) of the bucket in the soil frame."""
    return _multiply(_pitch(setpoint[3]), _exponential(*setpoint[4:]))


def flange_matrix(ur_pose: Sequence[float], bucket_from_tool0: Pose) -> np.ndarray:
    """`base_from_tool0`, 4 x 4, of a TCP pose."""
    return (Pose.from_rotation_vector(ur_pose) @ bucket_from_tool0).matrix()


def _pitch(angle: float) -> Quaternion:
    return (sin(angle / 2), 0.0, 0.0, cos(angle / 2))


def _multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def _exponential(rx: float, ry: float, rz: float) -> Quaternion:
    angle = sqrt(rx * rx + ry * ry + rz * rz)
    scale = sin(angle / 2) / angle if angle > 1e-12 else 0.5
    return (rx * scale, ry * scale, rz * scale, cos(angle / 2))


def _logarithm(q: Quaternion) -> tuple[float, float, float]:
    x, y, z, w = q if q[3] >= 0 else (-q[0], -q[1], -q[2], -q[3])
    length = sqrt(x * x + y * y + z * z)
    scale = 2 * atan2(length, w) / length if length > 1e-12 else 2.0
    return (x * scale, y * scale, z * scale)


def _forward(q: Quaternion) -> tuple[float, float, float]:
    """The y axis, turned."""
    x, y, z, w = q
    return (2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x))
