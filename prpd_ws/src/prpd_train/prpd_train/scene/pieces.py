"""A scene as rigid bodies made of boxes: what the rigid-body engines (`physx`, `isaacgym`) build, piece by piece.

One place says which boxes there are, how heavy, how rough, and who touches whom, so that two engines that read it build
the same thing; everything here is in the soil frame unless it says otherwise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Tuple

import numpy as np

from prpd_task.frames import Pose
from prpd_train.scene.generator import place_grains
from prpd_train.scene.spec import Contacts, Materials, SceneSpec

GROUND, SOIL, ROCK = "ground", "soil", "rock"
FOR_ROCK, FOR_SOIL = "bucket_for_rock", "bucket_for_soil"
"""The bucket twice over, as its friction against rock and against soil differ: what one meets the other does not."""
APRON = 2.0
"""m, width of the ground around the pit; rocks and grains that are thrown out land there."""
THICKNESS = 0.2
"""m, of the ground below the pit; thick, so that nothing is pressed through it."""

Three = Tuple[float, float, float]


@dataclass(frozen=True)
class Piece:
    """A box, placed in its body's frame."""

    name: str
    size: Three
    """m, full extents along its own axes."""
    pose: Pose = Pose()


@dataclass(frozen=True)
class Body:
    """A rigid body; its frame sits in its centre of mass where it has a mass."""

    kind: str
    """The ground is moved by nobody and the bucket by command, so that they have no mass."""
    pieces: Tuple[Piece, ...]
    friction: float
    """Coefficient of its surface, for engines that average the two surfaces of a contact."""
    pose: Pose = Pose()
    """Where it starts."""
    mass: float = 0.0
    """kg."""
    inertia: Tuple[Three, Three, Three] = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    """kg m^2, about the centre of mass, in the body's frame."""


@dataclass(frozen=True)
class RigidScene:
    """All bodies of a scene. The grains are equal, so one body stands for all of them."""

    ground: Body
    rock: Body
    buckets: Tuple[Body, ...]
    """Equal but for their friction and what they meet; the one for the rock comes first."""
    grain: Body
    grain_positions: np.ndarray
    """(count, 3) m, where the grains start before they settle."""
    grain_quaternions: np.ndarray
    """(count, 4) (x, y, z, w), how they are turned then: a little, since cubes stacked straight would stay stacked."""
    touching: FrozenSet[FrozenSet[str]]
    """Pairs of kinds that collide; {soil} alone is grain on grain."""


def rigid_scene(spec: SceneSpec) -> RigidScene:
    """The bodies of a scene with cubic grains."""
    friction = surface_friction(spec.materials)
    buckets = (FOR_ROCK, FOR_SOIL) if spec.contacts.soil_bucket else (FOR_ROCK,)
    d, mass = spec.grains.edge, spec.grains.mass
    return RigidScene(
        ground=Body(GROUND, tuple(_pit(spec)), friction[GROUND]),
        rock=Body(
            ROCK,
            tuple(_rock(spec)),
            friction[ROCK],
            Pose.from_arrays(spec.rock.position, spec.rock.quaternion),
            spec.rock.mass,
            _rows(spec.rock.inertia()),
        ),
        buckets=tuple(Body(kind, tuple(_bucket(spec)), friction[kind]) for kind in buckets),
        grain=Body(
            SOIL,
            (Piece("grain", (d, d, d)),),
            friction[SOIL],
            mass=mass,
            inertia=_rows(np.eye(3) * mass * d * d / 6),
        ),
        grain_positions=place_grains(spec, spec.grains.count),
        grain_quaternions=_turns(spec),
        touching=touching(spec.contacts),
    )


def touching(contacts: Contacts) -> FrozenSet[FrozenSet[str]]:
    """Pairs of kinds that collide. The bucket passes through the ground, which cannot push back on it in any engine."""
    pairs = [(SOIL, SOIL), (SOIL, GROUND), (ROCK, GROUND)]
    pairs += [(SOIL, ROCK)] * contacts.soil_rock
    pairs += [(SOIL, FOR_SOIL)] * contacts.soil_bucket
    pairs += [(ROCK, FOR_ROCK)] * contacts.rock_bucket
    return frozenset(frozenset(pair) for pair in pairs)


def surface_friction(materials: Materials) -> Dict[str, float]:
    """The coefficient of each kind's surface, so that the mean of two is what the scene asks of the pair.

    Only rock on ground is not free any more: it gets soil_rock + ground - soil, 0.45 for the 0.5 of the defaults.
    """
    soil, rock = materials.soil, 2 * materials.soil_rock - materials.soil
    surfaces = {
        GROUND: 2 * materials.ground - soil,
        SOIL: soil,
        ROCK: rock,
        FOR_ROCK: 2 * materials.rock_bucket - rock,
        FOR_SOIL: 2 * materials.soil_bucket - soil,
    }
    return {kind: max(0.0, friction) for kind, friction in surfaces.items()}


def _turns(spec: SceneSpec) -> np.ndarray:
    rng = np.random.default_rng(np.random.SeedSequence([spec.seed, 2]))
    count = spec.grains.count
    turns = np.concatenate([rng.uniform(-0.25, 0.25, (count, 3)), np.ones((count, 1))], 1)
    return np.asarray(turns / np.linalg.norm(turns, axis=1, keepdims=True))


def _pit(spec: SceneSpec) -> List[Piece]:
    """Floor and four walls; the walls are as wide as the ground around the pit and end at its height."""
    bed = spec.bed
    x, y = bed.footprint
    bottom = bed.floor - THICKNESS
    top = bed.surface_height + bed.rim
    middle, height = (top + bottom) / 2, top - bottom
    pieces = [Piece("floor", (x, y, THICKNESS), _at(0.0, 0.0, bed.floor - THICKNESS / 2))]
    for name, sign in (("left", -1), ("right", 1)):
        pieces.append(Piece(f"{name}_wall", (APRON, y + 2 * APRON, height), _at(sign * (x + APRON) / 2, 0.0, middle)))
    for name, sign in (("near", -1), ("far", 1)):
        pieces.append(Piece(f"{name}_wall", (x, APRON, height), _at(0.0, sign * (y + APRON) / 2, middle)))
    return pieces


def _rock(spec: SceneSpec) -> List[Piece]:
    edge = spec.rock.voxel_edge
    return [Piece(f"voxel_{i}", (edge, edge, edge), _at(*centre)) for i, centre in enumerate(spec.rock.voxel_centres())]


def _bucket(spec: SceneSpec) -> List[Piece]:
    return [
        Piece(box.name, box.size, Pose(box.centre, (math.sin(box.pitch / 2), 0.0, 0.0, math.cos(box.pitch / 2))))
        for box in spec.bucket.boxes()
    ]


def _at(x: float, y: float, z: float) -> Pose:
    return Pose((float(x), float(y), float(z)))


def _rows(matrix: np.ndarray) -> Tuple[Three, Three, Three]:
    a, b, c = ((float(row[0]), float(row[1]), float(row[2])) for row in matrix)
    return (a, b, c)
