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

    rows: int
    """Along y."""
    columns: int
    """Along x."""
    cell: float = 0.003
    """m."""

    @property
    def shape(self) -> tuple[int, int]:
        """Of an array with a number for each cell."""
        return self.rows, self.columns

    def index(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flat cell index (row along y, column along x) of each point, and whether it lies on the grid."""
        column, row = x / self.cell + self.columns / 2, y / self.cell + self.rows / 2
        on = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        return row.astype(np.int32) * self.columns + column.astype(np.int32), on

    def axes(self, stride: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """m, x of the columns' middles and y of the rows', or of those of blocks of `stride` cells."""
        x, y = (
            ((np.arange(n // stride) + 0.5) * self.cell * stride - n * self.cell / 2).astype(np.float32)
            for n in (self.columns, self.rows)
        )
        return x, y


SOIL_GRID = Grid(rows=104, columns=88)
"""312 mm along the direction of digging and 264 mm across it, no more than a box can be: each cell costs time."""
BOWL_GRID = Grid(rows=64, columns=64)
"""The network wants multiples of eight."""
SOIL_BOTTOM, SOIL_TOP = -0.12, 0.15
"""m, what is lower or higher than this over the nominal surface is no soil."""
BOWL_TOP = 0.13
"""m, what is higher than this over the bowl's floor is neither its contents nor its plates."""
STRAY = 25
"""With fewer points in it, which are the camera's noise, a bowl is empty; a rock shows hundreds."""
BOWL_HEIGHT = 0.02
"""m, height of the bucket over the nominal surface from which the bowl's contents are looked at on their own."""


@dataclass(frozen=True)
class HeightMap:
    """One view from above."""

    grid: Grid
    height: np.ndarray
    """(rows, columns) float32 m, mean of each cell, 0 where unseen."""
    seen: np.ndarray
    """(rows, columns) bool."""
    channels: np.ndarray
    """(6, rows, columns) float32, input of the detector; see CHANNELS."""
    index: np.ndarray
    """(N,) flat cell index of each point that the map was made of."""
    source: np.ndarray
    """(N,) which of `points` those are."""
    points: Points
    """What was seen, in the soil frame."""
    in_bowl: bool
    """True: in the bucket frame, of the bowl's contents. False: in the soil frame."""


def soil_map(points: Points, parts: BucketParts | None = None, *, lifted: bool = False) -> HeightMap:
    """Of the soil, from points that lie between SOIL_BOTTOM and SOIL_TOP.

    What is in the bowl of a lifted bucket is no soil; in one that digs, it is.
    """
    if parts is None:
        nothing = np.zeros(points.xyz.shape[1], bool)
        return _map(SOIL_GRID, points, points.xyz, ~nothing, nothing, in_bowl=False)
    ground = ~(parts.bucket | parts.bowl) if lifted else ~parts.bucket
    return _map(SOIL_GRID, points, points.xyz, ground, parts.bucket, in_bowl=False)


def bowl_map(points: Points, parts: BucketParts) -> HeightMap | None:
    """Of the bowl's contents, in the bucket frame; None if it is empty."""
    if np.count_nonzero(parts.bowl) < STRAY:
        return None
    plates = parts.bucket & (parts.local[2] < BOWL_TOP)
    return _map(BOWL_GRID, points, parts.local, parts.bowl, plates, in_bowl=True)


def _map(
    grid: Grid, points: Points, xyz: np.ndarray, use: np.ndarray, block: np.ndarray, *, in_bowl: bool
) -> HeightMap:
    cell, on = grid.index(xyz[0], xyz[1])
    source = np.flatnonzero(use & on)
    index, heights = cell[source], xyz[2][source]

    def per_cell(weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(index, weights, grid.rows * grid.columns).astype(np.float32).reshape(grid.shape)

    count, total = per_cell(), per_cell(heights)
    seen, number = count > 0, np.maximum(count, 1)
    mean = total / number
    deviation = np.sqrt(np.maximum(per_cell(heights * heights) / number - mean * mean, 0))
    channels = np.zeros((len(CHANNELS), *grid.shape), np.float32)
    channels[0] = np.where(seen, mean, _neighbours(total, count)) / HEIGHT_SCALE
    channels[1] = np.minimum(deviation / ROUGHNESS_SCALE, 3)
    channels[2] = np.minimum(count, 4) / 4
    channels[3] = per_cell(points.images[source]) / number / MOST
    channels[4].reshape(-1)[cell[block & on]] = 1
    channels[5] = in_bowl
    return HeightMap(grid, mean, seen, channels, index, source, points, in_bowl)


def _neighbours(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Mean height of the cells around, so that a hole of a cell or two is no pit."""
    near = cv2.blur(count, (5, 5))
    return np.where(near > 0, cv2.blur(total, (5, 5)) / np.maximum(near, 1e-6), 0)


def blocks(cells: np.ndarray) -> np.ndarray:
    """Sum over blocks of STRIDE x STRIDE cells."""
    rows, columns = (n // STRIDE for n in cells.shape)
    return cells.reshape(rows, STRIDE, columns, STRIDE).sum((1, 3))


def block_height(channels: np.ndarray) -> np.ndarray:
    """m, mean height of each block as the channels (..., 6, rows, columns) have it, 0 where nothing near is seen."""
    height = channels[..., CHANNELS.index("height"), :, :]
    cells = [height[..., i::STRIDE, j::STRIDE] for i in range(STRIDE) for j in range(STRIDE)]
    return HEIGHT_SCALE * np.mean(cells, 0)
