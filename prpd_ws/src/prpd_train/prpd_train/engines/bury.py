"""Make room for a rock in a bed that has settled without it."""

from __future__ import annotations

import numpy as np

from prpd_task.frames import quaternion_conjugate, quaternion_rotate
from prpd_train.scene.spec import SceneSpec

MOST_SETTLING = 0.008
"""m, by which a rock may move when it is let go. Where grains as large as itself give it no rest, it stays."""


def floor_of(spec: SceneSpec, grains: np.ndarray) -> float:
    """m: height that the pit's floor must have for the surface of these settled grains to be where the scene has it.

    `grains` (count, 3) have settled without a rock on the floor of the spec. Soil of even density is twice as deep as
    its centre of mass is high. (The highest grains would tell little when there are only six.)
    """
    return spec.bed.surface_height - 2 * (float(grains[:, 2].mean()) - spec.bed.floor)


def rock_place(spec: SceneSpec, floor: float) -> np.ndarray:
    """(3,) m: where the rock goes: to its position, but not through the floor."""
    x, y, z = spec.rock.position
    return np.array([x, y, max(z, floor - float(spec.rock.corners()[:, 2].min()))])


def make_room(spec: SceneSpec, grains: np.ndarray, rock: np.ndarray, size: float, clearance: float) -> np.ndarray:
    """The grains (count, 3) m, with those nearer to a rock at `rock` (3,) than `clearance` (m, from a grain's centre)
    laid loosely on top of the bed; `size` m, diameter of a spherical grain or edge of a cubic one.
    """
    local = quaternion_rotate(quaternion_conjugate(np.array(spec.rock.quaternion)), grains - rock)
    distance = np.full(len(grains), np.inf)
    for centre in spec.rock.voxel_centres():
        outside = np.maximum(np.abs(local - centre) - spec.rock.voxel_edge / 2, 0.0)
        np.minimum(distance, np.linalg.norm(outside, axis=1), out=distance)
    moved = np.flatnonzero(distance < clearance)
    top = max(float(grains[:, 2].max()), float(rock[2]) + spec.rock.radius()) + size
    grains = np.array(grains)
    grains[moved] = _layers(spec, len(moved), size, top)
    return grains


def _layers(spec: SceneSpec, count: int, size: float, bottom: float) -> np.ndarray:
    """(count, 3) m: places in layers above `bottom`, far enough from each other for cubes that are turned."""
    rng = np.random.default_rng(np.random.SeedSequence([spec.seed, 3]))
    columns = [max(1, int(side / (1.4 * size))) for side in spec.bed.footprint]
    x, y = ((np.arange(n) + 0.5) / n * side - side / 2 for n, side in zip(columns, spec.bed.footprint))
    flat = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    layers = [
        np.column_stack([rng.permutation(flat), np.full(len(flat), bottom + 1.4 * size * layer)])
        for layer in range(-(-count // len(flat)))
    ]
    return np.concatenate([*layers, np.zeros((0, 3))])[:count]
