"""A small software renderer: shaded balls and boxes into a picture with a depth buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

import numpy as np

Colour = Tuple[float, float, float]
SUN = np.array([-0.45, -0.55, 0.70])
"""Direction towards the light, soil frame."""
BACKGROUND = (0.93, 0.94, 0.96)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks from `eye` at `target`, z up; m, soil frame."""

    eye: Tuple[float, float, float] = (0.66, -0.70, 0.48)
    target: Tuple[float, float, float] = (0.0, -0.06, 0.05)
    field_of_view: float = 0.48
    """rad, over the height of the picture."""
    size: Tuple[int, int] = (440, 340)
    """Pixels, width and height."""

    def axes(self) -> np.ndarray:
        """(3, 3): right, down and forward in the soil frame."""
        forward = np.subtract(self.target, self.eye)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right = right / np.linalg.norm(right)
        return np.stack([right, np.cross(forward, right), forward])

    def focal(self) -> float:
        """Pixels."""
        return self.size[1] / 2 / np.tan(self.field_of_view / 2)

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3): pixel column, pixel row, depth m, of points (..., 3)."""
        local = (np.asarray(points) - self.eye) @ self.axes().T
        scale = self.focal() / local[..., 2:]
        centre = np.array(self.size) / 2
        return np.concatenate([local[..., :2] * scale + centre, local[..., 2:]], -1)


class Canvas:
    """Draw on it in any order; what is nearer wins."""

    def __init__(self, camera: Camera) -> None:
        width, height = camera.size
        self.camera = camera
        self.colour = np.empty((height, width, 3), np.float32)
        self.colour[:] = BACKGROUND
        self.depth = np.full((height, width), np.inf, np.float32)
        self._axes = camera.axes()
        self._sun = self._axes @ SUN / np.linalg.norm(SUN)

    def pixels(self) -> np.ndarray:
        """(height, width, 3) uint8, RGB."""
        return (np.clip(self.colour, 0, 1) * 255).astype(np.uint8)

    def balls(self, centres: np.ndarray, radius: float, colours: np.ndarray) -> None:
        """Spheres of one radius (m) at centres (n, 3), with colours (n, 3) in 0..1."""
        projected = self.camera.project(centres)
        height, width = self.depth.shape
        # The far ones first would waste most work: near ones hide them.
        for i in np.argsort(projected[:, 2]):
            column, row, depth = projected[i]
            if depth <= radius:
                continue
            reach = radius * self.camera.focal() / depth
            left, right = max(int(column - reach), 0), min(int(column + reach) + 2, width)
            top, bottom = max(int(row - reach), 0), min(int(row + reach) + 2, height)
            if left >= right or top >= bottom:
                continue
            x = ((np.arange(left, right) + 0.5 - column) / reach)[None]
            y = ((np.arange(top, bottom) + 0.5 - row) / reach)[:, None]
            rest = 1 - x * x - y * y
            z = np.sqrt(np.maximum(rest, 0))
            near = depth - radius * z
            window = (slice(top, bottom), slice(left, right))
            seen = (rest > 0) & (near < self.depth[window])
            light = x * self._sun[0] + y * self._sun[1] - z * self._sun[2]
            self._paint(window, seen, near, light, colours[i])

    def box(self, centre: np.ndarray, axes: np.ndarray, size: np.ndarray, colour: Colour) -> None:
        """A box with unit axes (3, 3) as rows and full extents `size`, m."""
        half = np.asarray(size)[:, None] / 2 * axes
        for a in range(3):
            for side in (-1.0, 1.0):
                normal = side * axes[a]
                middle = centre + side * half[a]
                if normal @ (middle - self.camera.eye) < 0:
                    u, v = half[(a + 1) % 3], half[(a + 2) % 3]
                    self.quad(
                        np.stack([middle - u - v, middle + u - v, middle + u + v, middle - u + v]), normal, colour
                    )

    def quad(self, corners: np.ndarray, normal: np.ndarray, colour: Colour) -> None:
        """A flat quadrilateral with corners (4, 3) in turn, m, lit on the side of `normal`."""
        projected = self.camera.project(corners)
        if projected[:, 2].min() <= 0:
            return
        height, width = self.depth.shape
        low = np.floor(projected[:, :2].min(0)).astype(int)
        high = np.ceil(projected[:, :2].max(0)).astype(int) + 1
        left, top = max(low[0], 0), max(low[1], 0)
        right, bottom = min(high[0], width), min(high[1], height)
        if left >= right or top >= bottom:
            return
        x = (np.arange(left, right) + 0.5)[None]
        y = (np.arange(top, bottom) + 0.5)[:, None]
        inside = np.ones((bottom - top, right - left), bool)
        along, aside = projected[1, :2] - projected[0, :2], projected[2, :2] - projected[0, :2]
        turning = np.sign(along[0] * aside[1] - along[1] * aside[0])
        for k in range(4):
            p, q = projected[k], projected[(k + 1) % 4]
            inside &= turning * ((q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])) >= 0
        local_normal = self._axes @ normal
        distance = local_normal @ (self._axes @ (corners[0] - self.camera.eye))
        focal = self.camera.focal()
        ray = local_normal[0] * (x - width / 2) / focal + local_normal[1] * (y - height / 2) / focal + local_normal[2]
        with np.errstate(divide="ignore", invalid="ignore"):
            near = distance / ray
        window = (slice(top, bottom), slice(left, right))
        seen = inside & (near > 0) & (near < self.depth[window])
        light = np.broadcast_to(local_normal @ self._sun, near.shape)
        self._paint(window, seen, near, light, colour)

    def _paint(self, window: tuple, seen: np.ndarray, near: np.ndarray, light: np.ndarray, colour: Colour) -> None:
        shade = (0.45 + 0.6 * np.maximum(light, 0))[..., None] * np.asarray(colour)
        self.colour[window][seen] = shade[seen]
        self.depth[window][seen] = near[seen]
