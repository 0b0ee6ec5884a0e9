"""Rocks as clusters of cubes on a lattice whose spacing follows the grain size; the volume is always exact."""

from __future__ import annotations

import itertools
from functools import lru_cache
from typing import Callable, Tuple

import numpy as np

Cells = Tuple[Tuple[int, int, int], ...]
ROCK_SHAPES = ("cube", "plate", "natural")
_SUBSAMPLES = 5


@lru_cache(maxsize=256)
def rock_cells(shape: str, size_in_grains: float) -> Cells:
    """The filled lattice cells of a rock whose equal-volume cube has an edge of `size_in_grains` grain sizes."""
    if shape not in ROCK_SHAPES:
        raise ValueError(f"rock shape {shape!r} is not known; choose one of {', '.join(ROCK_SHAPES)}")
    if shape == "cube":
        n = max(1, int(size_in_grains + 0.5))
        return tuple(itertools.product(range(n), range(n), range(n)))
    count = max(1, int(size_in_grains**3 + 0.5))
    return _fullest_cells(_plate if shape == "plate" else _natural, count)


def _fullest_cells(inside: Callable[[np.ndarray], np.ndarray], count: int) -> Cells:
    """The `count` lattice cells with the largest share inside a body of volume 1."""
    edge = (1 / count) ** (1 / 3)
    reach = int(np.ceil(1.2 / edge)) + 1
    ticks = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES
    best: Tuple[float, np.ndarray] = (-1.0, np.zeros((0, 3), int))
    # Where the lattice lies matters only while there are few cells.
    for shift in itertools.product((0.0, 0.5) if count <= 64 else (0.0,), repeat=3):
        axes = [((np.arange(-reach, reach)[:, None] + s + ticks) * edge).ravel() for s in shift]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        n = 2 * reach
        share = inside(points).reshape(n, _SUBSAMPLES, n, _SUBSAMPLES, n, _SUBSAMPLES).mean((1, 3, 5))
        order = np.argsort(-share, axis=None, kind="stable")[:count]
        total = float(share.flat[order].sum())
        if total > best[0] + 1e-9:
            best = (total, np.stack(np.unravel_index(order, share.shape), -1))
    cells = best[1] - best[1].min(0)
    return tuple((int(x), int(y), int(z)) for x, y, z in sorted(map(tuple, cells)))


def _plate(points: np.ndarray) -> np.ndarray:
    """A plate bent by a right angle, of volume 1: legs of 1.5 and 1.1, width 1.2, thickness 0.36."""
    width, long, short = 1.2, 1.5, 1.1
    thickness = ((long + short) - np.sqrt((long + short) ** 2 - 4 / width)) / 2
    x, y, z = points[..., 0], points[..., 1] + long / 2, points[..., 2] + thickness / 2 + 0.2
    across = np.abs(x) < width / 2
    flat = (y > 0) & (y < long) & (z > 0) & (z < thickness)
    upright = (y > long - thickness) & (y < long) & (z > 0) & (z < short)
    return across & (flat | upright)


def _natural(points: np.ndarray) -> np.ndarray:
    """A fixed irregular pebble: a sphere with lobes and flattened sides, scaled to a volume of 1."""
    rng = np.random.default_rng(2412)
    axes = rng.standard_normal((6, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    heights = rng.uniform(-0.14, 0.14, 6)

    def radius(directions: np.ndarray) -> np.ndarray:
        lobes = sum(h * np.maximum(directions @ a, 0.0) ** 2 for h, a in zip(heights, axes))
        return 1.0 + np.asarray(lobes) - 0.16 * directions[..., 2] ** 2 + 0.10 * directions[..., 1] ** 2

    k = np.arange(4096) + 0.5
    z, turn = 1 - k / 2048, np.pi * (1 + 5**0.5) * k
    ring = np.sqrt(1 - z * z)
    sphere = np.stack([ring * np.cos(turn), ring * np.sin(turn), z], -1)
    scale = (4 / 3 * np.pi * np.mean(radius(sphere) ** 3)) ** (-1 / 3)
    distance = np.linalg.norm(points, axis=-1)
    directions = points / np.maximum(distance, 1e-9)[..., None]
    return distance < scale * radius(directions)
