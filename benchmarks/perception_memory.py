"""How much memory the estimator takes, in a process of its own: the benchmark's renderer takes more."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np

from prpd_perception.estimate import EstimatorConfig
from prpd_perception.estimator import RockEstimator
from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell

IMAGES = 60


def peak_resident(cell: Cell) -> float:
    """MiB, of a fresh process in which an estimator looks at a noisy plane, with a lifted bucket."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (cell,))


def _run(cell: Cell) -> float:
    rng, i = np.random.default_rng(0), cell.intrinsics
    estimator = RockEstimator(cell=cell, bucket=BucketGeometry(), config=EstimatorConfig(check_frames=0))
    pose = np.array([0.0, 0.0, 0.12, 0.3])
    for image in range(IMAGES):
        depth = (0.75 + rng.normal(0, 0.0015, (i.height, i.width))).astype(np.float32)
        estimator.update(depth, stamp=1 + image / 30, bucket_pose=pose)
    # What `getrusage` calls the greatest may be the parent's, from before this process had a memory of its own.
    status = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
