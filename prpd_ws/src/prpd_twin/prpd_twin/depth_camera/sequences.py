"""Labelled sequences of depth images in which the bucket comes between camera and rock."""

from __future__ import annotations

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose, soil_to_bucket
from prpd_twin.depth_camera.noise import DepthNoise, NoiseModel
from prpd_twin.depth_camera.random_scenes import Frame
from prpd_twin.depth_camera.random_soil import Ground, without
from prpd_twin.depth_camera.renderer import ROCK, DepthRenderer
from prpd_twin.depth_camera.rocks import KINDS, random_rock
from prpd_twin.snapshot import Scene

FRAMES_BEFORE, FRAMES_HIDDEN, FRAMES_AFTER, FRAMES_MOVING = 15, 60, 10, 12
LEAST_VISIBLE = 0.3


def occlusion(seed: int) -> list[Frame]:
    """At 30 Hz: the bucket is away, comes between camera and rock, leaves again after 2 s in all."""
    rng = np.random.default_rng([seed, 6])
    geometry, cell = BucketGeometry(shape="solid" if seed % 2 else "fork"), Cell()
    box, edge, kind = (0.24, 0.28, 0.10), float(rng.uniform(0.006, 0.012)), str(rng.choice(KINDS))
    ground = Ground(rng, box, mean=rng.uniform(-0.01, 0.01), relief=rng.uniform(0.0, 0.012))
    vertices, triangles = random_rock(rng, kind=kind, edge=0.05)
    scene = Scene(box, 0.02, edge, vertices, triangles)
    renderer = DepthRenderer(scene=scene, cell=cell, bucket=geometry)
    rock, grains = _visible_rock(rng, renderer, ground, vertices, triangles, edge)
    noise = DepthNoise(NoiseModel(), fx=cell.intrinsics.fx, shape=(480, 640), seed=seed)
    centre = np.array(rock.position)
    frames = []
    for pose in _path(rng, centre, np.array(cell.soil_from_camera.position)):
        view = renderer.render(grains=grains, rock=rock, bucket=Pose.from_bucket(pose))
        frames.append(
            Frame(
                depth=noise.exposed(view.depth, view.window),
                rock_mask=view.label == ROCK,
                cell=cell,
                bucket_geometry=geometry,
                bucket_pose=pose,
                rock_position=centre,
                rock_in_bucket=bool(geometry.contains(soil_to_bucket(pose, centre))),
                visible_fraction=view.visible_fraction,
                kind=kind,
                situation="occlusion",
                grain_edge=edge,
            )
        )
    return frames


def _visible_rock(
    rng: np.random.Generator,
    renderer: DepthRenderer,
    ground: Ground,
    vertices: np.ndarray,
    triangles: np.ndarray,
    edge: float,
) -> tuple[Pose, np.ndarray]:
    while True:
        x, y = rng.uniform(-0.05, 0.05, 2)
        attitude = rng.normal(size=4)
        rock = Pose.from_arrays((x, y, float(ground.height(x, y)) + rng.uniform(-0.02, 0.02)), attitude)
        grains = without(ground.grains(rng, edge), rock, vertices, triangles, 0.35 * edge)
        if renderer.render(grains=grains, rock=rock, bucket=None).visible_fraction > LEAST_VISIBLE:
            return rock, grains


def _path(rng: np.random.Generator, rock: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(N, 4) bucket poses."""
    between = rock + rng.uniform(0.18, 0.26) * (camera - rock)
    hiding = np.array([between[0] + rng.uniform(-0.03, 0.03), between[1], between[2] - 0.03, rng.uniform(-0.3, 0.3)])
    away = np.array([rng.choice([-0.19, 0.19]), -0.24, 0.16, 0.0])
    share = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, FRAMES_MOVING))[:, None]
    move = away + share * (hiding - away)
    parts = [
        np.tile(away, (FRAMES_BEFORE, 1)),
        move,
        np.tile(hiding, (FRAMES_HIDDEN - 2 * FRAMES_MOVING, 1)),
        move[::-1],
    ]
    return np.concatenate([*parts, np.tile(away, (FRAMES_AFTER, 1))])
