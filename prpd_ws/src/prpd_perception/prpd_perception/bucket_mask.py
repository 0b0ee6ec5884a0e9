"""Which points belong to the bucket and its arm, from their known geometry and pose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from prpd_task.bucket import Box, BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_task.holder import flange_position, holder_boxes

_VOXEL = 0.003
_BORDER = 0.021


@dataclass(frozen=True)
class BucketParts:
    """Which of N points are what; each (N,) bool."""

    bucket: np.ndarray
    """On plates and tines, or on the arm."""
    bowl: np.ndarray
    """Inside the bowl or heaped on it."""
    local: np.ndarray
    """(3, N) m, all points in the bucket frame."""


class BucketMask:
    """Sorts points by a distance field, so that the number of the bucket's pieces costs nothing."""

    heap = 0.06
    """m over the sides that still counts as the bowl's contents."""

    def __init__(self, geometry: BucketGeometry, cell: Cell, *, margin: float = 0.007) -> None:
        self.geometry = geometry
        self._arm_from = float(flange_position(cell)[2]) - 0.02
        self._low, self._near = _field(geometry, cell.tool0_from_bucket, margin)
        self._high = (self._low + (np.array(self._near.shape) - 0.01) * _VOXEL).astype(np.float32)

    def sort(self, xyz: np.ndarray, bucket_pose: np.ndarray) -> BucketParts:
        """The parts of points `xyz` (3, N) m of the soil frame, for a bucket pose (4,)."""
        local = _in_bucket(xyz, bucket_pose)
        x, y, z = local
        g = self.geometry
        bucket = z > self._arm_from
        near = np.flatnonzero((x > self._low[0]) & (x < self._high[0]) & (y > self._low[1]) & (y < self._high[1]))
        near = near[(z[near] > self._low[2]) & (z[near] < self._high[2])]
        i, j, k = ((local[axis, near] - self._low[axis]) * np.float32(1 / _VOXEL) for axis in range(3))
        bucket[near] |= self._near[i.astype(np.int32), j.astype(np.int32), k.astype(np.int32)]
        bowl = (np.abs(x) < g.width / 2 + 0.01) & (y > -g.length / 2) & (y < g.length / 2 + 0.02)
        bowl &= (z > 0) & (z < g.height + self.heap) & ~bucket
        return BucketParts(bucket, bowl, local)


@lru_cache(maxsize=4)
def _field(geometry: BucketGeometry, tool0_from_bucket: Pose, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """The corner (3,) m, bucket frame, of a block of voxels, and which of them are within `margin` m of the bucket.

    It takes a good part of a second, and no camera changes it.
    """
    cell = Cell(tool0_from_bucket=tool0_from_bucket)
    low, high = geometry.bounds()
    high[2] = max(high[2], float(flange_position(cell)[2]) - 0.02)
    corner = (low - _BORDER).astype(np.float32)
    shape = np.ceil((high - low + 2 * _BORDER) / _VOXEL).astype(int)
    centres = corner[:, None] + (np.indices(shape).reshape(3, -1) + 0.5) * _VOXEL
    near = np.zeros(centres.shape[1], bool)
    for box in geometry.boxes() + holder_boxes(geometry, cell)[:1]:
        near |= _distance(box, centres) < margin
    return corner, near.reshape(shape)


def _in_bucket(xyz: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """As `soil_to_bucket`, for points (3, N) float32, without passing over them more often than needed."""
    cos, sin = (np.float32(f(pose[3])) for f in (np.cos, np.sin))
    local = xyz - np.asarray(pose[:3], np.float32)[:, None]
    y = cos * local[1] + sin * local[2]
    local[2] = cos * local[2] - sin * local[1]
    local[1] = y
    return local


def _distance(box: Box, points: np.ndarray) -> np.ndarray:
    """m, of points (3, N) outside the box from it; 0 inside."""
    x, y, z = points - np.array(box.centre)[:, None]
    c, s = np.cos(box.pitch), np.sin(box.pitch)
    local = np.stack([x, c * y + s * z, c * z - s * y])
    return np.linalg.norm(np.maximum(np.abs(local) - np.array(box.size)[:, None] / 2, 0), axis=0)
