"""Depth of many small spheres: every sphere stamps its disc into a depth buffer."""

from __future__ import annotations

import numpy as np

_HIDDEN = 4.0
"""A sphere this many radii behind another one in the same coarse pixel cannot be seen in a dense bed."""


def splat(depth: np.ndarray, centres: np.ndarray, radius: float, *, fx: float, fy: float, cx: float, cy: float) -> None:
    """Lower `depth` (H, W) m in place to the surface of spheres at `centres` (N, 3) m of the camera frame."""
    height, width = depth.shape
    centres = centres[centres[:, 2] > 4 * radius]
    if len(centres) == 0:
        return
    z = np.ascontiguousarray(centres[:, 2])
    u, v = fx * centres[:, 0] / z + cx, fy * centres[:, 1] / z + cy
    reach = fx * radius / z
    limit = float(reach.max())
    visible = (u > -limit) & (u < width + limit) & (v > -limit) & (v < height + limit)
    visible[visible] = _foremost(
        u[visible], v[visible], z[visible], cell=max(2.0, float(np.median(reach))), slack=_HIDDEN * radius
    )
    u, v, z, reach = u[visible], v[visible], z[visible], reach[visible]
    if len(u) == 0:
        return
    half = int(np.ceil(limit))
    dv, du = (offsets.ravel() for offsets in np.mgrid[-half : half + 1, -half : half + 1].astype(np.int32))
    near = np.hypot(du, dv) <= limit + 0.71
    du, dv = du[near], dv[near]
    column, row = np.rint(u).astype(np.int32), np.rint(v).astype(np.int32)
    # In single precision throughout: a camera has no time for more.
    across = (column - u).astype(z.dtype)[:, None] + du.astype(z.dtype)
    along = (row - v).astype(z.dtype)[:, None] + dv.astype(z.dtype)
    inside = 1 - (across * across + along * along) / (reach * reach)[:, None]
    x, y = column[:, None] + du, row[:, None] + dv
    hit = (inside > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    surface = z[:, None] - radius * np.sqrt(np.maximum(inside, 0))
    np.minimum.at(depth.reshape(-1), (y * width + x)[hit], surface[hit].astype(depth.dtype))


def _foremost(u: np.ndarray, v: np.ndarray, z: np.ndarray, *, cell: float, slack: float) -> np.ndarray:
    """Which points are at most `slack` behind the nearest of their coarse pixel."""
    if len(u) == 0:
        return np.zeros(0, bool)
    column, row = ((a - a.min()) / cell for a in (u, v))
    index = row.astype(np.int32) * (int(column.max()) + 1) + column.astype(np.int32)
    nearest = np.full(int(index.max()) + 1, np.inf, z.dtype)
    np.minimum.at(nearest, index, z)
    return z < nearest[index] + slack
