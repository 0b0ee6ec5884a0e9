"""The mean of successive depth images where nothing moves: a stereo camera's noise hides what one image shows."""

from __future__ import annotations

import numpy as np

MOST = 16
"""Images that the mean goes back to."""
CHANGE = 0.015
"""1/m: a depth that differs by more than this times its square from the mean is something else."""


class StillImage:
    """Mean depth per pixel, over the images since the pixel's depth last changed."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._mean = np.zeros(shape, np.float32)
        self._count = np.zeros(shape, np.float32)

    def add(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take in an image `z` (h, w) float32 m, 0 for holes.

        Returns the means (h, w) m and how many images they are of (h, w); both stay as they are at the next image.
        """
        error = z - self._mean
        same = np.abs(error) < CHANGE * z * z
        self._count = np.where(same, np.minimum(self._count + 1, MOST), (z > 0).astype(np.float32))
        self._mean = np.where(same, self._mean + error / np.maximum(self._count, 1), z)
        return self._mean, self._count

    def forget(self, rows: slice, columns: slice) -> None:
        """Start anew in a part of the image, because what it shows moves."""
        self._mean[rows, columns] = 0
        self._count[rows, columns] = 0
