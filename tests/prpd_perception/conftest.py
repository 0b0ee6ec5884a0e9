from __future__ import annotations

import numpy as np
import pytest

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_twin.depth_camera.noise import DepthNoise, NoiseModel
from prpd_twin.depth_camera.random_soil import Ground, without
from prpd_twin.depth_camera.renderer import DepthRenderer
from prpd_twin.depth_camera.rocks import random_rock
from prpd_twin.snapshot import Scene


class Studio:
    """One soil box, one rock, the twin's noisy camera; cheap to photograph again and again."""

    cell = Cell()
    bucket = BucketGeometry()
    grain_edge = 0.010

    def __init__(self) -> None:
        self._rng = np.random.default_rng(8)
        box = (0.24, 0.28, 0.10)
        self._ground = Ground(self._rng, box, mean=0.0, relief=0.003)
        self._grains = self._ground.grains(self._rng, self.grain_edge)
        self._rock = random_rock(self._rng, kind="cube", edge=0.05)
        scene = Scene(box, 0.02, self.grain_edge, *self._rock)
        self._renderer = DepthRenderer(scene=scene, cell=self.cell, bucket=self.bucket)
        self._noise = DepthNoise(NoiseModel(), fx=self.cell.intrinsics.fx, shape=(480, 640), seed=8)

    def millimetres(self, *, rock: Pose | None = None, bucket: np.ndarray | None = None) -> np.ndarray:
        """(480, 640) uint16."""
        grains = without(self._grains, rock, *self._rock, 0.35 * self.grain_edge)
        pose = None if bucket is None else Pose.from_bucket(bucket)
        return self._noise.exposed(self._renderer.render(grains=grains, rock=rock, bucket=pose).depth, self.whole)

    whole = (slice(0, 480), slice(0, 640))

    def metres(self, *, rock: Pose | None = None, bucket: np.ndarray | None = None) -> np.ndarray:
        """(480, 640) float32."""
        return self.millimetres(rock=rock, bucket=bucket).astype(np.float32) / 1000


@pytest.fixture(scope="session")
def studio() -> Studio:
    return Studio()
