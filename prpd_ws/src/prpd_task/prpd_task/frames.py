"""Rigid poses, and the bucket's own pose of four numbers.

A *bucket pose* is (x, y, z, pitch): the position of the bucket frame in the soil frame and the rotation about the
common x axis. Positive pitch raises the tips (curl), negative pitch points them down (dig).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple, Union

import numpy as np

from prpd_task.arrays import Array, namespace

Numbers = Union[Sequence[float], np.ndarray]
"""A few numbers: a tuple, a list or a NumPy array."""


def quaternion_multiply(a: Array, b: Array) -> Array:
    """Hamilton product of quaternions (x, y, z, w): the rotation `b` followed by `a`."""
    xp = namespace(a)
    ax, ay, az, aw = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bx, by, bz, bw = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    return xp.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        -1,
    )


def quaternion_rotate(quaternion: Array, vector: Array) -> Array:
    """`vector` turned by `quaternion` (x, y, z, w); leading axes broadcast."""
    xp = namespace(vector)
    qx, qy, qz, qw = quaternion[..., 0], quaternion[..., 1], quaternion[..., 2], quaternion[..., 3]
    vx, vy, vz = vector[..., 0], vector[..., 1], vector[..., 2]
    tx, ty, tz = 2 * (qy * vz - qz * vy), 2 * (qz * vx - qx * vz), 2 * (qx * vy - qy * vx)
    return xp.stack(
        [
            vx + qw * tx + qy * tz - qz * ty,
            vy + qw * ty + qz * tx - qx * tz,
            vz + qw * tz + qx * ty - qy * tx,
        ],
        -1,
    )


def quaternion_conjugate(quaternion: Array) -> Array:
    """The inverse rotation of a unit quaternion (x, y, z, w)."""
    xp = namespace(quaternion)
    return xp.stack([-quaternion[..., 0], -quaternion[..., 1], -quaternion[..., 2], quaternion[..., 3]], -1)


def pitch_quaternion(pitch: Array) -> Array:
    """Attitude of the bucket in the soil frame, (x, y, z, w), for a pitch in rad."""
    xp = namespace(pitch)
    zero = 0 * pitch
    return xp.stack([xp.sin(pitch / 2), zero, zero, xp.cos(pitch / 2)], -1)


def soil_to_bucket(bucket_pose: Array, point: Array) -> Array:
    """Coordinates in the bucket frame of a `point` of the soil frame, for bucket poses (..., 4)."""
    xp = namespace(point)
    cos, sin = xp.cos(bucket_pose[..., 3]), xp.sin(bucket_pose[..., 3])
    dx, dy, dz = (point[..., i] - bucket_pose[..., i] for i in range(3))
    return xp.stack([dx, cos * dy + sin * dz, cos * dz - sin * dy], -1)


def bucket_to_soil(bucket_pose: Array, point: Array) -> Array:
    """Coordinates in the soil frame of a `point` of the bucket frame, for bucket poses (..., 4)."""
    xp = namespace(point)
    cos, sin = xp.cos(bucket_pose[..., 3]), xp.sin(bucket_pose[..., 3])
    x, y, z = point[..., 0], point[..., 1], point[..., 2]
    return xp.stack(
        [bucket_pose[..., 0] + x, bucket_pose[..., 1] + cos * y - sin * z, bucket_pose[..., 2] + sin * y + cos * z], -1
    )


@dataclass(frozen=True)
class Pose:
    """A rigid transform `a_from_b`: it maps coordinates in frame b to coordinates in frame a."""

    position: Tuple[float, float, float] = (0.0, 0.0, 0.0)
    """m, origin of b in a."""
    quaternion: Tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)
    """(x, y, z, w), attitude of b in a."""

    @classmethod
    def from_rpy(cls, position: Numbers, roll: float = 0.0, pitch: float = 0.0, yaw: float = 0.0) -> Pose:
        """From fixed-axis roll, pitch, yaw in rad, applied in this order (as in URDF)."""
        axes = np.eye(3)
        halves = (roll / 2, pitch / 2, yaw / 2)
        qx, qy, qz = (np.append(axes[i] * np.sin(h), np.cos(h)) for i, h in enumerate(halves))
        return cls.from_arrays(position, quaternion_multiply(qz, quaternion_multiply(qy, qx)))

    @classmethod
    def from_rotation_vector(cls, vector: Numbers) -> Pose:
        """From the six numbers of a UR pose: x, y, z in m, rotation vector in rad."""
        numbers = np.asarray(vector, float)
        angle = float(np.linalg.norm(numbers[3:]))
        half_sinc = 0.5 * np.sinc(angle / (2 * np.pi))
        return cls.from_arrays(numbers[:3], np.append(numbers[3:] * half_sinc, np.cos(angle / 2)))

    @classmethod
    def from_arrays(cls, position: Numbers, quaternion: Numbers) -> Pose:
        """From sequences of any kind; the quaternion is normalised."""
        x, y, z = (float(v) for v in position)
        unit = np.asarray(quaternion, float) / np.linalg.norm(quaternion)
        qx, qy, qz, qw = (float(v) for v in unit)
        return cls((x, y, z), (qx, qy, qz, qw))

    @classmethod
    def from_bucket(cls, bucket_pose: Numbers) -> Pose:
        """`soil_from_bucket` of a bucket pose (x, y, z, pitch)."""
        return cls.from_arrays(bucket_pose[:3], pitch_quaternion(np.float64(bucket_pose[3])))

    def rotation_vector(self) -> np.ndarray:
        """The six numbers of a UR pose; the rotation angle is at most pi."""
        xyz, w = np.asarray(self.quaternion[:3]), self.quaternion[3]
        if w < 0:
            xyz, w = -xyz, -w
        sin = float(np.linalg.norm(xyz))
        scale = 2 * np.arctan2(sin, w) / sin if sin > 1e-12 else 2.0
        return np.concatenate([self.position, xyz * scale])

    def bucket_pose(self) -> np.ndarray:
        """(x, y, z, pitch) of a `soil_from_bucket`; see `tilt` for what this leaves out."""
        forward = quaternion_rotate(np.asarray(self.quaternion), np.array([0.0, 1.0, 0.0]))
        return np.append(self.position, np.arctan2(forward[2], np.hypot(forward[0], forward[1])))

    def tilt(self) -> float:
        """rad, angle between the bucket's lateral axis and the soil's x axis; 0 for a bucket pose."""
        lateral = quaternion_rotate(np.asarray(self.quaternion), np.array([1.0, 0.0, 0.0]))
        return float(np.arccos(np.clip(lateral[0], -1, 1)))

    def inverse(self) -> Pose:
        """`b_from_a`."""
        back = quaternion_conjugate(np.asarray(self.quaternion))
        return Pose.from_arrays(-quaternion_rotate(back, np.asarray(self.position)), back)

    def __matmul__(self, other: Pose) -> Pose:
        """`a_from_b @ b_from_c` is `a_from_c`."""
        return Pose.from_arrays(
            self.apply(np.asarray(other.position)),
            quaternion_multiply(np.asarray(self.quaternion), np.asarray(other.quaternion)),
        )

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) of frame b in coordinates of frame a."""
        return quaternion_rotate(np.asarray(self.quaternion), np.asarray(points)) + np.asarray(self.position)

    def matrix(self) -> np.ndarray:
        """Homogeneous 4 x 4 matrix."""
        matrix = np.eye(4)
        matrix[:3, :3] = quaternion_rotate(np.asarray(self.quaternion), np.eye(3)).T
        matrix[:3, 3] = self.position
        return matrix
