"""From a depth image to points in the soil frame, for the part of the image that can show soil, rock or bucket."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from prpd_task.cell import Intrinsics
from prpd_task.frames import Pose, quaternion_rotate

_AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Region:
    """The space in which soil, rock and bucket are looked for, m in the soil frame."""

    low: tuple[float, float, float] = (-0.20, -0.36, -0.12)
    high: tuple[float, float, float] = (0.20, 0.22, 0.42)

    def corners(self) -> np.ndarray:
        """(8, 3) m."""
        grid = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
        return np.asarray(self.low) + grid * (np.asarray(self.high) - np.asarray(self.low))


@dataclass(frozen=True)
class Points:
    """Points of one image."""

    xyz: np.ndarray
    """(3, N) float32 m, soil frame."""
    pixel: np.ndarray
    """(N,) index into the flattened image window."""
    images: np.ndarray
    """(N,) float32, how many images each is the mean of."""


class Camera:
    """A calibrated depth camera; see `points`."""

    step = 0.025
    """m: pixels at a larger depth step are dropped, since stereo cameras invent depths there."""
    nearest, farthest = 0.05, 20.0
    """m, limits of a depth."""

    def __init__(self, intrinsics: Intrinsics, soil_from_camera: Pose, region: Region = Region()) -> None:
        check_intrinsics(intrinsics)
        self.intrinsics = intrinsics
        self.soil_from_camera = soil_from_camera
        self.region = region
        self.window = self._window()
        rows, columns = self.window
        v, u = np.mgrid[rows, columns]
        i = intrinsics
        directions = np.stack([(u - i.cx) / i.fx, (v - i.cy) / i.fy, np.ones_like(u)], -1)
        turned = quaternion_rotate(np.array(soil_from_camera.quaternion), directions)
        self._directions = np.ascontiguousarray(turned.reshape(-1, 3).T, np.float32)
        self._origin = np.array(soil_from_camera.position, np.float32)
        self._near, self._far = self._depth_limits(u.shape)

    @property
    def shape(self) -> tuple[int, int]:
        """(h, w) px of the window."""
        return self._near.shape[0], self._near.shape[1]

    def crop(self, depth: np.ndarray) -> np.ndarray:
        """The window of `depth` (H, W) m, with 0 for all that is no depth."""
        if depth.shape != (self.intrinsics.height, self.intrinsics.width):
            raise ValueError(
                f"the depth image is {depth.shape[1]}x{depth.shape[0]}, "
                f"but the camera is described as {self.intrinsics.width}x{self.intrinsics.height}"
            )
        z = depth[self.window]
        return np.where((z > self.nearest) & (z < self.farthest), z, np.float32(0))

    def points(self, z: np.ndarray, images: np.ndarray | None = None) -> Points:
        """Points of a depth `z` as `crop` returns it, the mean of `images` (h, w) images (else of one)."""
        far = cv2.dilate(z, _AROUND)
        near = cv2.erode(np.where(z > 0, z, np.float32(1e3)), _AROUND)
        pixel = np.flatnonzero((z > self._near) & (z < self._far) & (far - near < self.step))
        xyz = self._directions[:, pixel]
        xyz *= z.reshape(-1)[pixel]
        xyz += self._origin[:, None]
        return Points(xyz, pixel, np.ones(len(pixel), np.float32) if images is None else images.reshape(-1)[pixel])

    def patch(self, centre: np.ndarray, radius: float) -> tuple[slice, slice]:
        """Rows and columns of the window that can show what is within `radius` m of a point of the soil frame."""
        inverse, i = self.soil_from_camera.inverse(), self.intrinsics
        x, y, z = inverse.apply(np.asarray(centre, float))
        near = max(z - radius, 0.05)
        ranges = []
        for focal, at, middle, part in ((i.fy, y, i.cy, self.window[0]), (i.fx, x, i.cx, self.window[1])):
            edges = [focal * (at + side) / near + middle for side in (-radius, radius)]
            first, last = (int(np.clip(e - part.start, 0, part.stop - part.start)) for e in edges)
            ranges.append(slice(first, last + 1))
        return ranges[0], ranges[1]

    def distance(self, point: np.ndarray) -> float:
        """m, from the camera to a point of the soil frame."""
        return float(np.linalg.norm(np.asarray(point) - self._origin))

    def _depth_limits(self, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Depths (h, w) m at which each pixel's ray enters and leaves the region."""
        with np.errstate(divide="ignore"):
            low, high = (
                (np.array(b)[:, None] - self._origin[:, None]) / self._directions
                for b in (self.region.low, self.region.high)
            )
        near, far = np.minimum(low, high).max(0), np.maximum(low, high).min(0)
        return np.maximum(near, 0.05).reshape(shape).astype(np.float32), far.reshape(shape).astype(np.float32)

    def _window(self) -> tuple[slice, slice]:
        inverse, i = self.soil_from_camera.inverse(), self.intrinsics
        corners = quaternion_rotate(np.array(inverse.quaternion), self.region.corners()) + inverse.position
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
