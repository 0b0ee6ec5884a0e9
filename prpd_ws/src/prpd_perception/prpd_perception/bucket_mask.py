"""Which points belong to the bucket and its arm, from their known geometry and pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.frames import soil_to_bucket

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

    def __init__(self, geometry: BucketGeometry, *, margin: float = 0.007) -> None:
        self.geometry = geometry
        self._margin = margin
        low, high = geometry.bounds()
        self._low = (low - _BORDER).astype(np.float32)
        shape = np.ceil((high - low + 2 * _BORDER) / _VOXEL).astype(int)
        index = np.indices(shape).reshape(3, -1)
        centres = self._low[:, None] + (index + 0.5) * _VOXEL
        nearest = np.full(centres.shape[1], np.inf, np.float32)
        for box in geometry.boxes():
            outside = np.abs(centres - np.array(box.centre)[:, None]) - np.array(box.size)[:, None] / 2
            np.minimum(nearest, np.linalg.norm(np.maximum(outside, 0), axis=0), out=nearest)
        self._near = (nearest < margin).reshape(shape)
        self._shape = np.array(shape)[:, None]

    def sort(self, xyz: np.ndarray, bucket_pose: np.ndarray) -> BucketParts:
        """The parts of points `xyz` (3, N) m of the soil frame, for a bucket pose (4,)."""
        local = np.ascontiguousarray(soil_to_bucket(np.asarray(bucket_pose, np.float32), xyz.T).T)
        x, y, z = local
        g = self.geometry
        bucket = self._on_arm(x, y, z)
        index = ((local - self._low[:, None]) / _VOXEL).astype(np.int32)
        inside = ((local > self._low[:, None]) & (index < self._shape)).all(0)
        i, j, k = index[:, inside]
        bucket[inside] |= self._near[i, j, k]
        bowl = (np.abs(x) < g.width / 2 + 0.01) & (y > -g.length / 2) & (y < g.length / 2 + 0.02)
        bowl &= (z > 0) & (z < g.height + self.heap) & ~bucket
        return BucketParts(bucket, bowl, local)

    def _on_arm(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Roughly: a holder behind the bucket's back and a wrist above it."""
        g = self.geometry
        back = g.length / 2 + g.thickness
        holder = (np.abs(x) < 0.045) & (y > -back - 0.06) & (y < -back + 0.01) & (z > 0.03) & (z < 0.3)
        wrist = (np.abs(x) < 0.12) & (y > -0.35) & (y < 0.0) & (z > g.height + 0.095) & (z < 0.8)
        return holder | wrist
