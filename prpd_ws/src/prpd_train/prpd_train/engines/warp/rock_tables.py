"""The rock as the solver sees it: a distance table for grains, spheres for pit and bucket."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import warp as wp

from prpd_train.engines.warp.kernel.types import World
from prpd_train.scene.rock_shapes import Cells
from prpd_train.scene.spec import Rock

NODES = 32
"""Of the distance table, along each axis."""
_NEIGHBOURS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])


@lru_cache(maxsize=64)
def distance_table(cells: Cells, half: float) -> np.ndarray:
    """(NODES^3,) float32: signed distance to the cluster on the cube [-half, half]^3, all in voxel edges."""
    filled = np.asarray(cells)
    centre = filled.mean(0)
    taken = set(cells)
    empty = {tuple(c + d) for c in filled for d in _NEIGHBOURS} - taken
    axis = np.linspace(-half, half, NODES)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    outside = _distance_to_cubes(points, filled - centre)
    inside = _distance_to_cubes(points, np.asarray(sorted(empty)) - centre)
    table = np.where(outside > 0, outside, -inside)
    return table.astype(np.float32)


class ShapeTables:
    """The tables of all rock shapes that were met, one after the other where the kernel reads them."""

    def __init__(self, world: World, device: wp.Device) -> None:
        self._world, self._device = world, device
        self._shapes: list[tuple[Cells, float]] = []

    def place(self, rock: Rock, margin: float) -> tuple[int, float]:
        """Where the table of a shape begins, and half its edge, in voxel edges: the rock and `margin` m around it."""
        half = round((rock.radius() + margin) / rock.voxel_edge, 2)
        shape = (rock.cells, half)
        if shape not in self._shapes:
            self._shapes.append(shape)
            tables = [distance_table(*known) for known in self._shapes]
            self._world.sdf = wp.array(np.concatenate(tables), dtype=float, device=self._device)
        return self._shapes.index(shape) * NODES**3, half


def _distance_to_cubes(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    nearest = np.full(len(points), np.inf)
    for centre in centres:
        outside = np.maximum(np.abs(points - centre) - 0.5, 0.0)
        np.minimum(nearest, np.einsum("ij,ij->i", outside, outside), out=nearest)
    return np.sqrt(nearest)


def contact_spheres(rock: Rock) -> tuple[np.ndarray, float]:
    """Centres (n, 3) m in the rock frame and the radius of equal spheres that fill the cluster's surface.

    One per cube at the surface; a cluster of few cubes has its cubes split in eight, so that even one cube has faces to
    lie on instead of rolling.
    """
    cells = np.asarray(rock.cells)
    edge = rock.voxel_edge
    middle = cells.mean(0)
    if len(cells) < 8:
        offsets = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
        cells = (2 * cells[:, None] + offsets).reshape(-1, 3)
        middle = 2 * middle + 0.5
        edge = edge / 2
    taken = set(map(tuple, cells))
    surface = [c for c in cells if any(tuple(c + d) not in taken for d in _NEIGHBOURS)]
    return (np.asarray(surface) - middle) * edge, edge / 2
