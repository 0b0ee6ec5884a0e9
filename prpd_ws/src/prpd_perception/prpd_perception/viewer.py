"""From successive depth images to points and height maps, as the detector and its training see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prpd_perception.bucket_mask import BucketMask, BucketParts
from prpd_perception.camera import Camera, Points
from prpd_perception.height_map import HeightMap, maps
from prpd_perception.still_image import StillImage
from prpd_task.frames import bucket_to_soil

MIDDLE = (0.0, 0.0, 0.03)
"""m, bucket frame: the middle of the bowl."""
SURROUNDINGS = 0.13
"""m from there, within which things move with the bucket."""
MOVED = (0.001, 0.008)
"""m and rad that the bucket may move before its surroundings are looked at anew."""


@dataclass(frozen=True)
class View:
    """What one image shows, together with those before it."""

    points: Points
    parts: BucketParts | None
    """None if no bucket is near."""
    maps: list[HeightMap]
    """Of the soil, and of the bowl if it is lifted."""


class Viewer:
    """Looks through one camera at one bucket."""

    def __init__(self, camera: Camera, mask: BucketMask) -> None:
        self._camera, self._mask = camera, mask
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self._still = StillImage(self._camera.shape)
        self._bucket: np.ndarray | None = None

    def look(self, z: np.ndarray, bucket_pose: np.ndarray | None) -> View:
        """Take in an image, as `Camera.crop` returns it, with the bucket at `bucket_pose` (4,) or away (None)."""
        points = self._camera.points(*self.add(z, bucket_pose))
        parts = None if bucket_pose is None else self._mask.sort(points.xyz, np.asarray(bucket_pose, float))
        return View(points, parts, maps(points, parts, bucket_pose))

    def add(self, z: np.ndarray, bucket_pose: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """As `look`, for an image that is only to be remembered."""
        if bucket_pose is not None:
            pose = np.asarray(bucket_pose, float)
            if self._bucket is None or self._moved(pose, self._bucket):
                self._still.forget(*self._camera.patch(bucket_to_soil(pose, np.array(MIDDLE)), SURROUNDINGS))
                self._bucket = pose
        return self._still.add(z)

    @staticmethod
    def _moved(now: np.ndarray, then: np.ndarray) -> bool:
        return bool(np.linalg.norm(now[:3] - then[:3]) > MOVED[0] or abs(now[3] - then[3]) > MOVED[1])
