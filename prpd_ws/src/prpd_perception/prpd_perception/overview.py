"""A coarse look at the whole scene, before the rock is looked for: is there an image, and is something in the way?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Camera, Region

REGION = Region((-0.20, -0.36, -0.12), (0.20, 0.22, 0.42))
"""Where soil, rock and bucket can be."""
EACH = 3
"""Every so manieth pixel is looked at."""
FREE = Region((-0.15, -0.17, 0.10), (0.15, 0.17, 0.42))
"""In which nothing but bucket and arm may be."""


@dataclass(frozen=True)
class Sample:
    """Every third pixel of the scene."""

    depth: np.ndarray
    """(h, w) float32 m, 0 for holes."""
    valid: float
    """Share that has a depth."""


class Overview:
    """Through one camera, on one bucket."""

    def __init__(self, camera: Camera, mask: BucketMask) -> None:
        rows, columns = camera.window(REGION)
        self._sight = camera.sight((slice(rows.start, rows.stop, EACH), slice(columns.start, columns.stop, EACH)))
        self._camera, self._mask = camera, mask

    def look(self, depth: np.ndarray) -> Sample:
        """Of an image (H, W) float32 m."""
        z = self._camera.crop(depth, self._sight.window)
        return Sample(z, np.count_nonzero(z) / z.size)

    def standing(self, sample: Sample, bucket_pose: np.ndarray | None) -> np.ndarray:
        """Heights (N,) m of the points over the soil that are no bucket at `bucket_pose` (4,), or at none."""
        xyz = self._camera.points(sample.depth, self._sight, FREE).xyz
        if bucket_pose is None or not xyz.size:
            return xyz[2]
        parts = self._mask.sort(xyz, bucket_pose)
        return xyz[2, ~(parts.bucket | parts.bowl | _around(parts.local))]


def _around(local: np.ndarray) -> np.ndarray:
    """Points (bucket frame) near bucket and arm, where flying pixels and cables are no intruders."""
    x, y, z = local
    return (np.abs(x) < 0.14) & (y > -0.40) & (y < 0.12) & (z > -0.04) & (z < 0.9) & ((y < 0.1) | (z < 0.2))
