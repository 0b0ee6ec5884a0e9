"""A picture of one environment of a simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from prpd_task.arrays import to_numpy
from prpd_task.frames import bucket_to_soil, pitch_quaternion, quaternion_rotate
from prpd_train.engines.protocol import SimState
from prpd_train.scene.spec import SceneSpec
from prpd_train.view.raster import Camera, Canvas

SOIL, ROCK, BUCKET, GROUND, WALL = (
    (0.82, 0.66, 0.44),
    (0.36, 0.55, 0.38),
    (0.22, 0.24, 0.30),
    (0.86, 0.84, 0.80),
    (0.72, 0.66, 0.58),
)


@dataclass(frozen=True)
class Snapshot:
    """What a picture needs of a state, copied."""

    grains: np.ndarray
    rock_position: np.ndarray
    rock_quaternion: np.ndarray
    bucket_pose: np.ndarray

    @classmethod
    def of(cls, state: SimState, env: int = 0) -> Snapshot:
        """Of one environment."""
        count = int(state.grain_count[env])
        arrays = (
            state.grain_position[env][:count],
            state.rock_position[env],
            state.rock_quaternion[env],
            state.bucket_pose[env],
        )
        return cls(*(np.array(to_numpy(array), float) for array in arrays))


def draw(spec: SceneSpec, snapshot: Snapshot, camera: Camera = Camera()) -> np.ndarray:  # noqa: B008  (frozen)
    """(height, width, 3) uint8 RGB: the pit cut open towards the camera, grains as balls, rock and bucket as boxes."""
    canvas = Canvas(camera)
    _pit(canvas, spec)
    rng = np.random.default_rng(0)
    tones = np.asarray(SOIL) * rng.uniform(0.82, 1.1, (len(snapshot.grains), 1))
    canvas.balls(snapshot.grains, spec.grains.diameter / 2, tones)
    rock_axes = quaternion_rotate(snapshot.rock_quaternion, np.eye(3))
    edge = spec.rock.voxel_edge
    for centre in quaternion_rotate(snapshot.rock_quaternion, spec.rock.voxel_centres()):
        canvas.box(snapshot.rock_position + centre, rock_axes, np.full(3, edge), ROCK)
    for box in spec.bucket.boxes():
        axes = quaternion_rotate(pitch_quaternion(np.float64(snapshot.bucket_pose[3] + box.pitch)), np.eye(3))
        canvas.box(bucket_to_soil(snapshot.bucket_pose, np.asarray(box.centre)), axes, np.asarray(box.size), BUCKET)
    return canvas.pixels()


def _pit(canvas: Canvas, spec: SceneSpec) -> None:
    """Floor and the two far walls; the near ones are left out, so that the soil is seen from the side."""
    (x, y), floor = np.array(spec.bed.footprint) / 2, spec.bed.floor
    top = spec.bed.surface_height + spec.bed.rim
    canvas.quad(
        np.array([[-x, -y, floor], [x, -y, floor], [x, y, floor], [-x, y, floor]]), np.array([0.0, 0.0, 1.0]), GROUND
    )
    left = np.array([[-x, -y, floor], [-x, y, floor], [-x, y, top], [-x, -y, top]])
    back = np.array([[-x, y, floor], [x, y, floor], [x, y, top], [-x, y, top]])
    canvas.quad(left, np.array([1.0, 0.0, 0.0]), WALL)
    canvas.quad(back, np.array([0.0, -1.0, 0.0]), WALL)


def strip(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Pictures of one size, laid out in rows."""
    return np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)
