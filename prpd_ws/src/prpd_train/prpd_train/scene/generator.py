"""From a grain size, a preset, a seed and a randomisation to a scene: deterministic to the byte."""

from __future__ import annotations

import math
from typing import Optional, Tuple

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.frames import Pose
from prpd_train.scene.randomisation import Randomisation, Sample
from prpd_train.scene.rock_shapes import rock_cells
from prpd_train.scene.spec import PRESETS, Bed, Contacts, Grains, Materials, Rock, SceneSpec

FOOTPRINT = {"paper": (0.16, 0.16), "solid": (0.24, 0.28)}
DEPTH = {"paper": 0.125**3 / 0.16**2, "solid": 0.10}
SOIL_DENSITY = 3.0 / 0.125**3
"""kg/m^3, of the bulk: the paper's 3 kg in 125^3 mm^3."""
ROCK_SIZE = 0.05
ROCK_MASS = 1.0
ROCK_BURIAL = 0.02
"""m, of the rock's centre below the surface."""


def make_scene(
    delta: float,
    preset: str = "paper",
    seed: int = 0,
    randomisation: Optional[Randomisation] = None,
    *,
    rock_shape: str = "cube",
    rock_burial: float = ROCK_BURIAL,
    footprint: Optional[Tuple[float, float]] = None,
    depth: Optional[float] = None,
    soil_density: float = SOIL_DENSITY,
    materials: Optional[Materials] = None,
    bucket: Optional[BucketGeometry] = None,
) -> SceneSpec:
    """A scene with grains of size `delta` (m).

    `footprint`, `depth` (m), `soil_density` (kg/m^3, bulk), `materials` and `bucket` replace those of the preset;
    `randomisation` None means none. The same arguments give the same scene.
    """
    if preset not in PRESETS:
        raise ValueError(f"scene preset {preset!r} is not known; choose one of {', '.join(PRESETS)}")
    footprint = footprint or FOOTPRINT[preset]
    depth = DEPTH[preset] if depth is None else depth
    lengths = {"delta": delta, "footprint x": footprint[0], "footprint y": footprint[1], "depth": depth, "soil_density": soil_density}
    for name, value in lengths.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"scene {name} must be positive and finite, not {value!r}")

    rng = np.random.default_rng(np.random.SeedSequence([seed]))
    sample = (randomisation or Randomisation.off()).sample(rng)

    nominal_volume = footprint[0] * footprint[1] * depth
    volume = nominal_volume * sample.soil_volume
    count = int(volume / delta**3 + 0.5)
    grains = Grains(edge=delta, count=count, total_mass=soil_density * nominal_volume * sample.soil_mass)
    if count < 1 or grains.diameter > min(footprint):
        raise ValueError(
            f"grains of {delta} m leave {count} in a bed of {footprint[0]} x {footprint[1]} x {depth} m; use a smaller delta or a larger bed"
        )
    bed = Bed(footprint=footprint, depth=settled_depth(grains, footprint), surface_height=sample.ground_height)
    rock = _rock(delta, rock_shape, rock_burial, bed, sample)
    return SceneSpec(
        delta=float(delta),
        preset=preset,
        seed=int(seed),
        bed=bed,
        grains=grains,
        rock=rock,
        bucket=bucket or BucketGeometry(shape="fork" if preset == "paper" else "solid"),
        materials=_scaled(materials or Materials(), sample.friction),
        contacts=Contacts(soil_bucket=preset == "solid"),
        sample=sample,
    )


def settled_depth(grains: Grains, footprint: Tuple[float, float]) -> float:
    """m, expected depth of the settled bed."""
    return grains.count * grains.edge**3 / (footprint[0] * footprint[1])


def _rock(delta: float, shape: str, burial: float, bed: Bed, sample: Sample) -> Rock:
    size = ROCK_SIZE * sample.rock_volume ** (1 / 3)
    cells = rock_cells(shape, round(ROCK_SIZE / delta, 6))
    yaw = sample.rock_yaw
    rock = Rock(
        shape=shape,
        volume=size**3,
        mass=ROCK_MASS * sample.rock_mass,
        cells=cells,
        position=(0.0, 0.0, 0.0),
        quaternion=(0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)),
    )
    corners = rock.corners()
    reach = float(np.hypot(corners[:, 0], corners[:, 1]).max())
    room = [side / 2 - reach for side in bed.footprint]
    if min(room) < 0:
        raise ValueError(f"a {shape} rock of {size:.3f} m does not fit a bed of {bed.footprint[0]} x {bed.footprint[1]} m; use a larger footprint")
    x, y = (min(max(bias, -r), r) for bias, r in zip(sample.rock_bias, room))
    lowest = bed.floor - float(corners[:, 2].min())
    z = max(bed.surface_height - burial + sample.rock_bias[2], lowest)
    return Rock(shape, rock.volume, rock.mass, cells, (x, y, z), rock.quaternion)


def _scaled(materials: Materials, factor: float) -> Materials:
    names = ("soil", "soil_rock", "soil_bucket", "rock_bucket", "ground")
    return Materials(**{name: getattr(materials, name) * factor for name in names})


def place_grains(spec: SceneSpec) -> np.ndarray:
    """(count, 3) m: where the grains start before they settle, a jittered lattice from the floor up, around the rock."""
    d = spec.grains.diameter
    half_x, half_y = spec.bed.footprint[0] / 2, spec.bed.footprint[1] / 2
    # A little room between grains, so that they fall into a random packing instead of keeping the lattice.
    columns = [max(1, int(side / (1.04 * d))) for side in spec.bed.footprint]
    xs, ys = ((np.arange(n) + 0.5) / n * side - side / 2 for n, side in zip(columns, spec.bed.footprint))
    rng = np.random.default_rng(np.random.SeedSequence([spec.seed, 1]))
    layers = int(np.ceil(spec.grains.count / (columns[0] * columns[1]))) + int(np.ceil(2 * spec.rock.radius() / d)) + 2
    zs = spec.bed.floor + (np.arange(layers) + 0.5) * 1.02 * d
    z, y, x = np.meshgrid(zs, ys, xs, indexing="ij")
    points = np.stack([x, y, z], -1).reshape(-1, 3)
    points = points + rng.uniform(-0.02, 0.02, points.shape) * d
    points[:, 0] = np.clip(points[:, 0], d / 2 - half_x, half_x - d / 2)
    points[:, 1] = np.clip(points[:, 1], d / 2 - half_y, half_y - d / 2)
    clear = _distance_to_rock(spec, points) > 0.45 * d
    return points[clear][: spec.grains.count]


def _distance_to_rock(spec: SceneSpec, points: np.ndarray) -> np.ndarray:
    """m, from each point to the nearest cube of the rock at its start (0 inside)."""
    local = Pose.from_arrays(spec.rock.position, spec.rock.quaternion).inverse().apply(points)
    nearest = np.full(len(points), np.inf)
    for centre in spec.rock.voxel_centres():
        outside = np.maximum(np.abs(local - centre) - spec.rock.voxel_edge / 2, 0.0)
        np.minimum(nearest, np.linalg.norm(outside, axis=1), out=nearest)
    return nearest
