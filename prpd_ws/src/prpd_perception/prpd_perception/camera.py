"""From a depth image to points in the soil frame, for the parts of the image that can show soil, rock or bucket."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from prpd_task.cell import Intrinsics
from prpd_task.frames import Pose, quaternion_rotate

Window = tuple[slice, slice]
"""Rows and columns of an image."""
_AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Region:
    """A box in the soil frame, m."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    def corners(self) -> np.ndarray:
        """(8, 3) m."""
        grid = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
        return np.asarray(self.low) + grid * (np.asarray(self.high) - np.asarray(self.low))


@dataclass(frozen=True)
class Sight:
    """A part of the image and where its pixels look."""

    window: Window
    directions: np.ndarray
    """(3, h, w) float32, the points at a depth of 1 m, as seen from the camera, along the axes of the soil frame."""


@dataclass(frozen=True)
class Points:
    """Points of one image."""

    xyz: np.ndarray
    """(3, N) float32 m, soil frame."""
    images: np.ndarray
    """(N,) float32, how many images each is the mean of."""
    pixel: np.ndarray
    """(N,) index into the flattened window..."""
    window: Window = (slice(None), slice(None))
    """...of the image."""


class Camera:
    """A calibrated depth camera; see `points`."""

    step = 0.025
    """m: pixels at a larger depth step are dropped, since stereo cameras invent depths there."""
    nearest, farthest = 0.05, 20.0
    """m, limits of a depth."""

    def __init__(self, intrinsics: Intrinsics, soil_from_camera: Pose) -> None:
        check_intrinsics(intrinsics)
        self.intrinsics = intrinsics
        self.soil_from_camera = soil_from_camera
        self._inverse = soil_from_camera.inverse()
        axes = quaternion_rotate(np.array(soil_from_camera.quaternion), np.eye(3))
        self._right, self._down, self._forward = axes.astype(np.float32)[:, :, None, None]
        self._origin = np.array(soil_from_camera.position, np.float32)

    def crop(self, depth: np.ndarray, window: Window) -> np.ndarray:
        """A window of `depth` (H, W) float32 m, with 0 for all that is no depth."""
        if depth.shape != (self.intrinsics.height, self.intrinsics.width):
            raise ValueError(
                f"the depth image is {depth.shape[1]}x{depth.shape[0]}, "
                f"but the camera is described as {self.intrinsics.width}x{self.intrinsics.height}"
            )
        z = depth[window]
        return cv2.copyTo(z, cv2.inRange(z, self.nearest, self.farthest))

    def sight(self, window: Window) -> Sight:
        """Where a window looks; its slices may leave pixels out."""
        i, (rows, columns) = self.intrinsics, window
        down, right = (
            (np.arange(s.start, s.stop, s.step, dtype=np.float32) - np.float32(middle)) / np.float32(focal)
            for s, middle, focal in ((rows, i.cy, i.fy), (columns, i.cx, i.fx))
        )
        return Sight(window, self._down * down[:, None] + self._forward + self._right * right)

    def points(self, z: np.ndarray, sight: Sight, region: Region, images: np.ndarray | None = None) -> Points:
        """Points in a region, of a depth `z` as `crop` returns it for the window of `sight`.

        `images` (h, w) says of how many images each depth is the mean; without it, of one.
        """
        seen = z > 0
        far = cv2.dilate(z, _AROUND)
        near = cv2.erode(cv2.copyTo(z, seen.view(np.uint8), np.full_like(z, 1e3)), _AROUND)
        use = (far - near < self.step) & seen
        xyz = sight.directions * z
        xyz += self._origin[:, None, None]
        for along, low, high in zip(xyz, region.low, region.high, strict=True):
            use &= (along > low) & (along < high)
        pixel = np.flatnonzero(use)
        xyz = np.take(xyz.reshape(3, -1), pixel, 1)
        number = np.ones(len(pixel), np.float32) if images is None else images.reshape(-1)[pixel]
        return Points(xyz, number, pixel, sight.window)

    def patch(self, centre: np.ndarray, radius: float) -> Window:
        """The window that can show what is within `radius` m of a point of the soil frame; it may be empty."""
        i = self.intrinsics
        x, y, z = self._inverse.apply(np.asarray(centre, float))
        near = max(z - radius, 0.05)
        ranges = []
        for focal, at, middle, size in ((i.fy, y, i.cy, i.height), (i.fx, x, i.cx, i.width)):
            first, last = (int(np.clip(focal * (at + side) / near + middle, 0, size)) for side in (-radius, radius))
            ranges.append(slice(first, min(last + 1, size)))
        return ranges[0], ranges[1]

    def distance(self, point: np.ndarray) -> float:
        """m, from the camera to a point of the soil frame."""
        return float(np.linalg.norm(np.asarray(point) - self._origin))

    def window(self, region: Region) -> Window:
        """The part of the image that can show a region."""
        i = self.intrinsics
        corners = self._inverse.apply(region.corners())
        if (corners[:, 2] < 0.05).all():
            raise ValueError("the camera looks away from the soil: check soil_from_camera (z forward, y down)")
        ahead = corners[corners[:, 2] >= 0.05]
        if len(ahead) < len(corners):
            return slice(0, i.height), slice(0, i.width)
        u, v = i.fx * ahead[:, 0] / ahead[:, 2] + i.cx, i.fy * ahead[:, 1] / ahead[:, 2] + i.cy
        top, bottom = np.clip([v.min(), v.max() + 1], 0, i.height).astype(int)
        left, right = np.clip([u.min(), u.max() + 1], 0, i.width).astype(int)
        if bottom - top < 20 or right - left < 20:
            raise ValueError("the camera does not see the soil box: check soil_from_camera and the intrinsics")
        return slice(int(top), int(bottom)), slice(int(left), int(right))


def check_intrinsics(intrinsics: Intrinsics) -> None:
    """Refuse what no depth camera has."""
    i = intrinsics
    numbers = (i.fx, i.fy, i.cx, i.cy)
    if not np.isfinite(numbers).all() or i.fx <= 0 or i.fy <= 0:
        raise ValueError(f"the intrinsics fx, fy, cx, cy = {numbers} are no camera's; check the camera_info topic")
    if not (16 <= i.width <= 4096 and 16 <= i.height <= 4096):
        raise ValueError(f"an image of {i.width}x{i.height} is not supported; use 16 to 4096 pixels a side")
    if not (0 <= i.cx <= i.width and 0 <= i.cy <= i.height and 0.2 < i.fx / i.fy < 5):
        raise ValueError(f"the intrinsics fx, fy, cx, cy = {numbers} do not fit an image of {i.width}x{i.height}")
