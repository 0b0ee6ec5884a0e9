"""From a grain size, a preset, a seed and a randomisation to a scene: deterministic to the byte."""

from __future__ import annotations

import math
from typing import Optional, Tuple

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_train.scene.randomisation import Randomisation, Sample
from prpd_train.scene.rock_shapes import rock_cells
from prpd_train.scene.spec import (
    PRESETS,
    SPHERE_DIAMETER,
    SPHERE_PACKING,
    Bed,
    Contacts,
    Grains,
    Materials,
    Rock,
    SceneSpec,
)

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
    lengths = {
        "delta": delta,
        "footprint x": footprint[0],
        "footprint y": footprint[1],
        "depth": depth,
        "soil_density": soil_density,
    }
    for name, value in lengths.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"scene {name} must be positive and finite, not {value!r}")

    rng = np.random.default_rng(np.random.SeedSequence([seed]))
    sample = (randomisation or Randomisation.off()).sample(rng)

    nominal_volume = footprint[0] * footprint[1] * depth
    volume = nominal_volume * sample.soil_volume
    spheres, cubes = (int(volume * share / delta**3 + 0.5) for share in packing(delta, footprint))
    grains = Grains(
        edge=delta, count=cubes, spheres=spheres, total_mass=soil_density * nominal_volume * sample.soil_mass
    )
    if min(spheres, cubes) < 1 or grains.diameter > min(footprint):
        raise ValueError(
            f"grains of {delta} m leave {min(spheres, cubes)} in a bed of {footprint[0]} x {footprint[1]} x {depth} m; "
            "use a smaller delta or a larger bed"
        )
    bed = Bed(footprint=footprint, depth=volume / (footprint[0] * footprint[1]), surface_height=sample.ground_height)
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


def packing(delta: float, footprint: Tuple[float, float]) -> Tuple[float, float]:
    """Spheres, and cubes, per delta^3 of settled bed: about 1, less where the walls keep large grains apart.

    Fitted to settled beds (docs/physics.md), so that a bed is equally deep at every grain size.
    """
    narrowness = delta / min(footprint)
    return 0.70 / (1 + 3 * SPHERE_DIAMETER * narrowness) / SPHERE_PACKING, 0.82 / (1 + 1.7 * narrowness)


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
        raise ValueError(
            f"a {shape} rock of {size:.3f} m does not fit a bed of {bed.footprint[0]} x {bed.footprint[1]} m; "
            "use a larger footprint"
        )
    x, y = (min(max(bias, -r), r) for bias, r in zip(sample.rock_bias, room))
    lowest = bed.floor - float(corners[:, 2].min())
    z = max(bed.surface_height - burial + sample.rock_bias[2], lowest)
    return Rock(shape, rock.volume, rock.mass, cells, (x, y, z), rock.quaternion)


def _scaled(materials: Materials, factor: float) -> Materials:
    names = ("soil", "soil_rock", "soil_bucket", "rock_bucket", "ground")
    return Materials(**{name: getattr(materials, name) * factor for name in names})


def place_grains(spec: SceneSpec, count: int) -> np.ndarray:
    """(count, 3) m: where grains start before they settle: loose layers from the floor up, without regard to the rock.

    Each layer is shifted and shaken at random, since grains stacked straight would stay stacked.
    """
    d = spec.grains.diameter
    rng = np.random.default_rng(np.random.SeedSequence([spec.seed, 1]))
    columns = [max(1, int(side / (1.05 * d))) for side in spec.bed.footprint]
    half = np.array([side / 2 - d / 2 for side in spec.bed.footprint])
    layers = []
    total = 0
    height = spec.bed.floor + 0.51 * d
    while total < count:
        xs, ys = ((np.arange(n) + 0.5) / n * side - side / 2 for n, side in zip(columns, spec.bed.footprint))
        y, x = np.meshgrid(ys, xs, indexing="ij")
        layer = np.stack([x, y, np.full_like(x, height)], -1).reshape(-1, 3)
        layer[:, :2] += rng.uniform(-0.5, 0.5, 2) * d + rng.uniform(-0.1, 0.1, (len(layer), 2)) * d
        layer[:, :2] = _folded(layer[:, :2], half)
        layer[:, 2] += rng.uniform(0.0, 0.1, len(layer)) * d
        layers.append(layer)
        total += len(layer)
        height += 0.95 * d
    points = np.concatenate(layers)
    return points[:count]


def _folded(points: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Points outside [-half, half] reflected back inside."""
    points = np.where(points > half, 2 * half - points, points)
    points = np.where(points < -half, -2 * half - points, points)
    return np.clip(points, -half, half)
