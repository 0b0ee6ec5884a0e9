"""From successive depth images to height maps, as the detector and its training see them."""

from __future__ import annotations

import numpy as np

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Camera, Points, Region, Window
from prpd_perception.height_map import (
    BOWL_HEIGHT,
    SOIL_BOTTOM,
    SOIL_GRID,
    SOIL_TOP,
    HeightMap,
    bowl_map,
    soil_map,
)
from prpd_perception.still_image import StillImage
from prpd_task.frames import bucket_to_soil

MIDDLE = (0.0, 0.0, 0.03)
"""m, bucket frame: the middle of the bowl."""
SURROUNDINGS = 0.13
"""m from there, within which things move with the bucket."""
MOVED = (0.001, 0.008)
"""m and rad that the bucket may move before its surroundings are looked at anew."""
_X, _Y = SOIL_GRID.columns * SOIL_GRID.cell / 2, SOIL_GRID.rows * SOIL_GRID.cell / 2
SOIL_REGION = Region((-_X, -_Y, SOIL_BOTTOM), (_X, _Y, SOIL_TOP))


class Viewer:
    """Looks through one camera at one bucket."""

    def __init__(self, camera: Camera, mask: BucketMask) -> None:
        self._camera, self._mask = camera, mask
        self._soil = _Part(camera, camera.window(SOIL_REGION))
        self.forget()

    def forget(self) -> None:
        """Start anew."""
        self._soil.forget()
        self._bowl: _Part | None = None
        self._bucket: np.ndarray | None = None

    @property
    def lifted(self) -> bool:
        """Whether the bowl is high enough, and in the image, to be looked at on its own."""
        return self._bowl is not None

    def soil(self, bucket_pose: np.ndarray | None) -> HeightMap:
        """The soil's map, from all images so far, with the bucket at `bucket_pose` (4,) or away (None)."""
        points = self._soil.points(SOIL_REGION)
        if bucket_pose is None:
            return soil_map(points)
        return soil_map(points, self._mask.sort(points.xyz, bucket_pose), lifted=self.lifted)

    def bowl(self, bucket_pose: np.ndarray | None) -> HeightMap | None:
        """The map of the bowl's contents; None if it is not lifted, or empty."""
        if self._bowl is None or bucket_pose is None:
            return None
        points = self._bowl.points(_around(bucket_pose[:3]))
        return bowl_map(points, self._mask.sort(points.xyz, bucket_pose))

    def add(self, depth: np.ndarray, bucket_pose: np.ndarray | None) -> None:
        """Take in an image (H, W) float32 m, taken with the bucket at `bucket_pose`."""
        if bucket_pose is not None and (self._bucket is None or _moved(bucket_pose, self._bucket)):
            self._bucket = np.array(bucket_pose, float)
            around = self._camera.patch(bucket_to_soil(self._bucket, np.array(MIDDLE)), SURROUNDINGS)
            self._soil.forget(around)
            seen = all(s.stop > s.start for s in around)
            self._bowl = _Part(self._camera, around) if seen and bucket_pose[2] > BOWL_HEIGHT else None
        self._soil.add(depth)
        if self._bowl is not None:
            self._bowl.add(depth)


class _Part:
    """What is known of one part of the image."""

    def __init__(self, camera: Camera, window: Window) -> None:
        self._camera, self._sight = camera, camera.sight(window)
        self._still = StillImage(self._sight.directions.shape[1:])

    def add(self, depth: np.ndarray) -> None:
        self._still.add(self._camera.crop(depth, self._sight.window))

    def points(self, region: Region) -> Points:
        return self._camera.points(self._still.mean, self._sight, region, self._still.count)

    def forget(self, window: Window | None = None) -> None:
        """Start anew, where another window overlaps this one or everywhere."""
        own = self._sight.window
        rows, columns = (
            slice(max(other.start - mine.start, 0), max(min(other.stop, mine.stop) - mine.start, 0))
            for other, mine in zip(window or own, own, strict=True)
        )
        self._still.forget(rows, columns)


def _around(bucket: np.ndarray) -> Region:
    """What can show a bowl's contents, or plates, in an image of the bucket at a position (3,) m."""
    (x, y, z), reach = (float(v) for v in bucket), SURROUNDINGS
    return Region((x - reach, y - reach, z - reach), (x + reach, y + reach, z + 2 * reach))


def _moved(now: np.ndarray, then: np.ndarray) -> bool:
    return bool(np.linalg.norm(now[:3] - then[:3]) > MOVED[0] or abs(now[3] - then[3]) > MOVED[1])
