"""Height maps: the soil seen from above, and the bowl's contents seen from above the bucket."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from prpd_perception.bucket_mask import BucketParts
from prpd_perception.camera import Points
from prpd_perception.still_image import MOST

CHANNELS = ("height", "roughness", "seen", "images", "blocked", "in_bowl")
STRIDE = 2
"""Cells along a side of a block, for which the detector gives one answer."""
HEIGHT_SCALE, ROUGHNESS_SCALE = 0.05, 0.01


@dataclass(frozen=True)
class Grid:
    """Square cells around the origin of a frame."""

    cells: int
    """Along each side."""
    cell: float = 0.003
    """m."""

    def index(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flat cell index (row along y, column along x) of each point, and whether it lies on the grid."""
        column = np.floor(x / self.cell + self.cells / 2).astype(np.int32)
        row = np.floor(y / self.cell + self.cells / 2).astype(np.int32)
        on = (column >= 0) & (column < self.cells) & (row >= 0) & (row < self.cells)
        return row * self.cells + column, on

    def centres(self, stride: int = 1) -> np.ndarray:
        """m, coordinates along one axis of the centres of cells, or of blocks of `stride` cells."""
        step = self.cell * stride
        return ((np.arange(self.cells // stride) + 0.5) * step - self.cells * self.cell / 2).astype(np.float32)


SOIL_GRID = Grid(104)
BOWL_GRID = Grid(64)
SOIL_TOP = 0.15
"""m, what is higher than this over the nominal surface is no soil."""
BOWL_TOP = 0.13
"""m, what is higher than this over the bowl's floor is neither its contents nor its plates."""
BOWL_HEIGHT = 0.02
"""m, height of the bucket over the nominal surface from which the bowl's contents are looked at on their own."""


@dataclass(frozen=True)
class HeightMap:
    """One view from above."""

    grid: Grid
    height: np.ndarray
    """(n, n) float32 m, mean of each cell, 0 where unseen; rows along y, columns along x."""
    seen: np.ndarray
    """(n, n) bool."""
    channels: np.ndarray
    """(6, n, n) float32, input of the detector; see CHANNELS."""
    index: np.ndarray
    """(N,) flat cell index of each point that the map was made of."""
    source: np.ndarray
    """(N,) which points those are."""
    in_bowl: bool
    """True: in the bucket frame, of the bowl's contents. False: in the soil frame."""


def maps(points: Points, parts: BucketParts | None, bucket_pose: np.ndarray | None) -> list[HeightMap]:
    """The soil's map, and the bowl's if the bucket is lifted, from points of the soil frame."""
    xyz, images = points.xyz, points.images
    low_enough = (xyz[2] < SOIL_TOP) & (xyz[2] > -0.12)
    if parts is None or bucket_pose is None:
        return [_map(SOIL_GRID, xyz, images, low_enough, np.zeros_like(low_enough), in_bowl=False)]
    lifted = bool(bucket_pose[2] > BOWL_HEIGHT)
    free = low_enough & ~parts.bucket
    ground = free & ~parts.bowl if lifted else free
    soil = _map(SOIL_GRID, xyz, images, ground, parts.bucket & low_enough, in_bowl=False)
    if not lifted or not parts.bowl.any():
        return [soil]
    plates = parts.bucket & (parts.local[2] < BOWL_TOP)
    return [soil, _map(BOWL_GRID, parts.local, images, parts.bowl, plates, in_bowl=True)]


def _map(
    grid: Grid, xyz: np.ndarray, images: np.ndarray, use: np.ndarray, block: np.ndarray, *, in_bowl: bool
) -> HeightMap:
    x, y, z = xyz
    n = grid.cells
    cell, on = grid.index(x, y)
    source = np.flatnonzero(use & on)
    index, heights = cell[source], z[source]
    count = np.bincount(index, minlength=n * n).astype(np.float32).reshape(n, n)
    total = np.bincount(index, heights, n * n).astype(np.float32).reshape(n, n)
    square = np.bincount(index, heights * heights, n * n).astype(np.float32).reshape(n, n)
    seen = count > 0
    mean = total / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(square / np.maximum(count, 1) - mean * mean, 0))
    filled = np.where(seen, mean, _neighbours(total, count))
    blocked = np.zeros(n * n, np.float32)
    blocked[cell[block & on]] = 1
    channels = np.stack(
        [
            filled / HEIGHT_SCALE,
            np.minimum(deviation / ROUGHNESS_SCALE, 3),
            np.minimum(count, 4) / 4,
            np.bincount(index, images[source], n * n).astype(np.float32).reshape(n, n) / np.maximum(count, 1) / MOST,
            blocked.reshape(n, n),
            np.full((n, n), float(in_bowl), np.float32),
        ]
    ).astype(np.float32)
    return HeightMap(grid, np.where(seen, mean, 0).astype(np.float32), seen, channels, index, source, in_bowl)


def _neighbours(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean height of the cells around, so that a hole of a cell or two is no pit."""
    near = cv2.blur(count, (5, 5))
    return np.where(near > 0, cv2.blur(total, (5, 5)) / np.maximum(near, 1e-6), 0)


def blocks(cells: np.ndarray) -> np.ndarray:
    """Sum over blocks of STRIDE x STRIDE cells."""
    n = cells.shape[0] // STRIDE
    return cells.reshape(n, STRIDE, n, STRIDE).sum((1, 3))


def block_height(channels: np.ndarray) -> np.ndarray:
    """m, mean height of each block as the channels (..., 6, n, n) have it, 0 where nothing near is seen."""
    n = channels.shape[-1] // STRIDE
    height = channels[..., CHANNELS.index("height"), :, :]
    return HEIGHT_SCALE * height.reshape(*height.shape[:-2], n, STRIDE, n, STRIDE).mean((-3, -1))
