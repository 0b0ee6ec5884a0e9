"""Make room for a rock in a bed of cubes that has settled without it."""

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


def make_room(spec: SceneSpec, grains: np.ndarray, rock: np.ndarray) -> np.ndarray:
    """The grains (count, 3) m, with those that a rock at `rock` (3,) would overlap laid loosely on top of the bed."""
    edge = spec.grains.edge
    local = quaternion_rotate(quaternion_conjugate(np.array(spec.rock.quaternion)), grains - rock)
    distance = np.full(len(grains), np.inf)
    for centre in spec.rock.voxel_centres():
        outside = np.maximum(np.abs(local - centre) - spec.rock.voxel_edge / 2, 0.0)
        np.minimum(distance, np.linalg.norm(outside, axis=1), out=distance)
    moved = np.flatnonzero(distance < 0.5 * edge)
    half = np.array(spec.bed.footprint) / 2 - edge
    rng = np.random.default_rng(np.random.SeedSequence([spec.seed, 3]))
    per_layer = max(1, int(np.prod(np.maximum(half, edge)) / edge**2 / 2))
    layer, place = np.divmod(np.arange(len(moved)), per_layer)
    top = max(float(grains[:, 2].max()), float(rock[2]) + spec.rock.radius()) + edge
    grains = np.array(grains)
    grains[moved, :2] = rng.uniform(-1, 1, (len(moved), 2)) * np.maximum(half, 0.0)
    grains[moved, 2] = top + edge * (0.5 * place / per_layer + 1.2 * layer)
    return grains
