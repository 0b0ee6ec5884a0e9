"""A scene as pure data: what every engine builds.

All lengths in m, masses in kg, positions in the `soil` frame: origin in the middle of the box at the *nominal* height
of the soil's surface, z up, y the digging direction. The box is a pit in flat ground, so nothing stands in the bucket's
way.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Tuple

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_train.scene.randomisation import Sample

PRESETS = ("paper", "solid")
SPHERE_PACKING = 0.60
"""Solid fraction of settled equal spheres."""
SPHERE_DIAMETER = (6 * SPHERE_PACKING / math.pi) ** (1 / 3)
"""Diameter over grain size for which a sphere with its share of the pores takes up one cube of the grain size."""
GRAVITY = 9.81
"""m/s^2, downwards."""

Three = Tuple[float, float, float]


@dataclass(frozen=True)
class Bed:
    """The soil's place: a pit with vertical walls, filled up to `surface_height`."""

    footprint: Tuple[float, float]
    """m, inner size along x and y."""
    depth: float
    """m, of the settled soil above the floor, as expected of this grain size."""
    surface_height: float = 0.0
    """m, true height of the undisturbed surface in the soil frame (0 but for the randomised ground height)."""
    rim: float = 0.010
    """m, height of the ground around the pit above the surface."""

    @property
    def floor(self) -> float:
        """m, height of the pit's floor in the soil frame."""
        return self.surface_height - self.depth


@dataclass(frozen=True)
class Grains:
    """The soil: equal grains, spheres or cubes as the engine builds them, of the same total mass in the same bed.

    Cubes settle more loosely than spheres at equal size, so that fewer of them fill the bed.
    """

    edge: float
    """m, of a cubic grain: the scene's grain size."""
    count: int
    """How many cubes fill the bed."""
    spheres: int
    """How many spheres fill the bed, for an engine of spheres."""
    total_mass: float
    """kg, of all of them."""

    @property
    def mass(self) -> float:
        """kg, of a cubic grain."""
        return self.total_mass / self.count

    @property
    def diameter(self) -> float:
        """m, of a spherical grain, which with its share of the pores takes up the bulk volume edge^3."""
        return SPHERE_DIAMETER * self.edge


@dataclass(frozen=True)
class Rock:
    """A rigid cluster of cubes. Its frame sits in the centre of mass."""

    shape: str
    """`cube`, `plate` (bent) or `natural`."""
    volume: float
    """m^3, exactly that of the cluster."""
    mass: float
    cells: Tuple[Tuple[int, int, int], ...]
    """Which cells of a cubic lattice are filled."""
    position: Three
    """m, of the centre of mass, at the start."""
    quaternion: Tuple[float, float, float, float]
    """(x, y, z, w), attitude at the start."""

    @property
    def voxel_edge(self) -> float:
        """m, of the cluster's cubes."""
        return (self.volume / len(self.cells)) ** (1 / 3)

    @property
    def size(self) -> float:
        """m, edge of a cube of the same volume."""
        return self.volume ** (1 / 3)

    def voxel_centres(self) -> np.ndarray:
        """(n, 3) m, in the rock frame."""
        cells = np.asarray(self.cells, float)
        return (cells - cells.mean(0)) * self.voxel_edge

    def corners(self) -> np.ndarray:
        """(m, 3) m, corners of the cluster's cubes, in the rock frame; the lowest one is the rock's lowest point."""
        cells = np.asarray(self.cells)
        offsets = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
        corners = np.unique((cells[:, None] + offsets).reshape(-1, 3), axis=0)
        return (corners - 0.5 - cells.mean(0)) * self.voxel_edge

    def inertia(self) -> np.ndarray:
        """(3, 3) kg m^2 about the centre of mass, in the rock frame."""
        r = self.voxel_centres()
        share = self.mass / len(r)
        about_centre = share * (np.sum(r * r) * np.eye(3) - r.T @ r)
        return about_centre + np.eye(3) * self.mass * self.voxel_edge**2 / 6

    def radius(self) -> float:
        """m, of the sphere about the centre of mass that holds the rock."""
        return float(np.linalg.norm(self.corners(), axis=1).max())


@dataclass(frozen=True)
class Materials:
    """Coulomb friction coefficients of the pairs; nothing bounces."""

    soil: float = 0.50
    """Grain on grain."""
    soil_rock: float = 0.45
    soil_bucket: float = 0.30
    rock_bucket: float = 0.50
    ground: float = 0.50
    """Grain or rock on floor and walls."""


@dataclass(frozen=True)
class Contacts:
    """Which pairs touch besides grain-grain and everything-ground."""

    soil_bucket: bool
    """Off in the `paper` preset (a fork whose tines let soil pass), on in `solid`."""
    soil_rock: bool = True
    rock_bucket: bool = True


@dataclass(frozen=True)
class SceneSpec:
    """One excavation scene. Equal specs are equal scenes, to the byte (see `digest`)."""

    delta: float
    """m, grain size."""
    preset: str
    """`paper` or `solid`."""
    seed: int
    bed: Bed
    grains: Grains
    rock: Rock
    bucket: BucketGeometry
    materials: Materials
    contacts: Contacts
    sample: Sample
    """The randomisation that went into this scene, and what the environment must still apply."""

    def digest(self) -> str:
        """Of the whole scene."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]
