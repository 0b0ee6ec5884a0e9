"""Size and heading of a rock, from the part of its surface that is seen."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

LEAST_POINTS = 25


@dataclass(frozen=True)
class Shape:
    """An upright box around the rock."""

    size: tuple[float, float, float]
    """m, along its own axes; 0 where it cannot be told."""
    yaw: float
    """rad, of its longer horizontal side about z, in [0, pi)."""


def fit_shape(surface: np.ndarray, centre: np.ndarray) -> Shape | None:
    """Fit to points (N, 3) m of the rock's visible surface; None if they are too few to tell.

    The vertical extent is twice that of the part over the rock's centre: what lies below is not seen.
    """
    if len(surface) < LEAST_POINTS:
        return None
    _, (width, length), degrees = cv2.minAreaRect(np.ascontiguousarray(surface[:, :2], np.float32))
    if width < length:
        width, length, degrees = length, width, degrees + 90
    top = np.sort(surface[:, 2])[int(0.95 * len(surface))]
    rise = float(top) - float(centre[2])
    return Shape((float(width), float(length), max(0.0, 2 * rise)), float(np.radians(degrees) % np.pi))
