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

GROUND, SOIL, ROCK, BUCKET = "ground", "soil", "rock", "bucket"
KINDS = (GROUND, SOIL, ROCK, BUCKET)
APRON = 0.40
"""m, width of the ground around the pit; rocks and grains that are thrown out land there."""
FLOOR_THICKNESS = 0.10
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
    """`ground` and `bucket` are moved by nobody or by command and have no mass of their own."""
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
    bucket: Body
    grain: Body
    grain_positions: np.ndarray
    """(count, 3) m, where the grains start before they settle."""
    touching: FrozenSet[FrozenSet[str]]
    """Pairs of kinds that collide; {soil} alone is grain on grain."""


def rigid_scene(spec: SceneSpec) -> RigidScene:
    """The bodies of a scene with cubic grains."""
    friction = surface_friction(spec.materials, spec.contacts)
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
        bucket=Body(BUCKET, tuple(_bucket(spec)), friction[BUCKET]),
        grain=Body(
            SOIL,
            (Piece("grain", (d, d, d)),),
            friction[SOIL],
            mass=mass,
            inertia=_rows(np.eye(3) * mass * d * d / 6),
        ),
        grain_positions=place_grains(spec, spec.grains.count),
        touching=touching(spec.contacts),
    )


def touching(contacts: Contacts) -> FrozenSet[FrozenSet[str]]:
    """Pairs of kinds that collide. The bucket passes through the ground, which cannot push back on it in any engine."""
    pairs = [(SOIL, SOIL), (SOIL, GROUND), (ROCK, GROUND)]
    pairs += [(SOIL, ROCK)] * contacts.soil_rock
    pairs += [(SOIL, BUCKET)] * contacts.soil_bucket
    pairs += [(ROCK, BUCKET)] * contacts.rock_bucket
    return frozenset(frozenset(pair) for pair in pairs)


def pair_friction(materials: Materials) -> Dict[FrozenSet[str], float]:
    """The coefficient that the scene asks for, of each pair of kinds."""
    return {
        frozenset((SOIL,)): materials.soil,
        frozenset((SOIL, ROCK)): materials.soil_rock,
        frozenset((SOIL, BUCKET)): materials.soil_bucket,
        frozenset((ROCK, BUCKET)): materials.rock_bucket,
        frozenset((SOIL, GROUND)): materials.ground,
        frozenset((ROCK, GROUND)): materials.ground,
    }


def surface_friction(materials: Materials, contacts: Contacts) -> Dict[str, float]:
    """The coefficient of each surface, so that averages come closest to what the scene asks of the pairs that touch.

    Exact where the pairs leave enough freedom; grain on grain always nearly is, as the shape of the bed rests on it.
    """
    wanted = pair_friction(materials)
    rows, values = [], []
    for pair in sorted(touching(contacts), key=sorted):
        weight = 10.0 if pair == frozenset((SOIL,)) else 1.0
        row = np.array([float(kind in pair) for kind in KINDS])
        rows.append(weight * row / row.sum())
        values.append(weight * wanted[pair])
    solution = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return {kind: max(0.0, float(value)) for kind, value in zip(KINDS, solution)}


def _pit(spec: SceneSpec) -> List[Piece]:
    """Floor and four walls; the walls are as wide as the ground around the pit and end at its height."""
    bed = spec.bed
    x, y = bed.footprint
    top, bottom = bed.surface_height + bed.rim, bed.floor - FLOOR_THICKNESS
    middle, height = (top + bottom) / 2, top - bottom
    across = x + 2 * APRON
    pieces = [Piece("floor", (x, y, FLOOR_THICKNESS), _at(0.0, 0.0, bed.floor - FLOOR_THICKNESS / 2))]
    for name, sign in (("left", -1), ("right", 1)):
        pieces.append(Piece(f"{name}_wall", (APRON, y, height), _at(sign * (x + APRON) / 2, 0.0, middle)))
    for name, sign in (("near", -1), ("far", 1)):
        pieces.append(Piece(f"{name}_wall", (across, APRON, height), _at(0.0, sign * (y + APRON) / 2, middle)))
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
