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
        self.mean = np.zeros(shape, np.float32)
        """(h, w) m, 0 for holes."""
        self.count = np.zeros(shape, np.float32)
        """(h, w), how many images it is the mean of."""

    def add(self, z: np.ndarray) -> None:
        """Take in an image `z` (h, w) float32 m, 0 for holes."""
        error = z - self.mean
        self.count *= np.abs(error) < CHANGE * z * z
        self.count += 1
        np.minimum(self.count, MOST, out=self.count)
        error /= self.count
        self.mean += error  # where the count is one, all of it: the image itself
        self.count *= z > 0

    def forget(self, rows: slice, columns: slice) -> None:
        """Start anew in a part of the image, because what it shows moves."""
        self.mean[rows, columns] = 0
        self.count[rows, columns] = 0
