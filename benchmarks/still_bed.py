"""A bed that stands still, with a rock on it, for the cameras of benchmarks."""

from __future__ import annotations

import numpy as np

from prpd_task.frames import Pose
from prpd_twin.depth_camera.random_soil import Ground, without
from prpd_twin.depth_camera.rocks import random_rock
from prpd_twin.snapshot import Scene

ROCK = Pose.from_rpy((0.02, 0.03, 0.015), yaw=0.4)
"""Where it lies."""


def still_bed() -> tuple[Scene, np.ndarray]:
    """The box with its rock, and the grains (G, 3) float32 m around ROCK."""
    rng, edge, box = np.random.default_rng(3), 0.01, (0.24, 0.28, 0.10)
    vertices, triangles = random_rock(rng, kind="cube", edge=0.05)
    bed = Ground(rng, box, mean=0.0, relief=0.002).grains(rng, edge)
    grains = without(bed, ROCK, vertices, triangles, 0.35 * edge).astype(np.float32)
    return Scene(box, 0.02, edge, vertices, triangles), grains
