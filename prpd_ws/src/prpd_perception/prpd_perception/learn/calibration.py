"""Make the detector's scores probabilities and its deviations honest, on frames that it was not trained on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Camera
from prpd_perception.detector import Calibration, Candidate, Detector
from prpd_perception.height_map import maps
from prpd_task.frames import soil_to_bucket
from prpd_twin.depth_camera.random_scenes import Frame, RandomFrames

NEAR = 0.04
"""m, a candidate that is nearer to the rock's centre counts as right."""
COVERAGE, NORMAL_QUANTILE = 0.90, 1.645
"""Of the errors that shall lie within so many standard deviations."""


@dataclass(frozen=True)
class Outcome:
    """A candidate and the truth."""

    candidate: Candidate
    error: np.ndarray | None
    """(3,) m, from the true centre; None if there is no rock."""

    @property
    def right(self) -> bool:
        """Whether the candidate is the rock."""
        return self.error is not None and float(np.linalg.norm(self.error)) < NEAR


def outcomes(detector: Detector, frame: Frame, mask: BucketMask) -> Iterator[Outcome]:
    """All candidates of one frame."""
    camera = Camera(frame.cell.intrinsics, frame.cell.soil_from_camera)
    points = camera.points(frame.depth.astype(np.float32) / 1000)
    pose = frame.bucket_pose
    parts = None if pose is None else mask.sort(points.xyz, pose)
    for view in maps(points.xyz, parts, pose):
        truth = frame.rock_position
        if truth is not None and view.in_bowl and pose is not None:
            truth = soil_to_bucket(pose, truth)
        for candidate in detector.detect(view):
            yield Outcome(candidate, None if truth is None else candidate.position - truth)


def fit(found: list[Outcome]) -> Calibration:
    """Logistic regression of being right, and the factors that give the deviations their coverage."""
    design = np.array([[1.0, np.log(o.candidate.votes), o.candidate.likeness] for o in found])
    right = np.array([o.right for o in found], float)
    if right.all() or not right.any():
        raise ValueError(
            f"{len(found)} candidates, {int(right.sum())} of them right: too uniform to fit scores to; draw more frames"
        )
    weights = np.zeros(3)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (right - p) - 1e-3 * weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + 1e-3 * np.eye(3)
        weights = weights + np.linalg.solve(curvature, slope)
    scaled = np.array([np.abs(o.error) / o.candidate.deviation for o in found if o.right and o.error is not None])
    factors = np.quantile(scaled, COVERAGE, axis=0) / NORMAL_QUANTILE
    a, b, c = (float(w) for w in weights)
    x, y, z = (float(f) for f in factors)
    return Calibration(score=(a, b, c), deviation=(x, y, z))


def calibrate(path: Path, *, frames: int, seed: int) -> Calibration:
    """Fit on fresh frames, and store the result in the ONNX file's metadata."""
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    detector, source = Detector(path), RandomFrames(seed, cropped=True)
    masks: dict[str, BucketMask] = {}
    found = []
    for _ in range(frames):
        frame = source.draw()
        mask = masks.setdefault(frame.bucket_geometry.shape, BucketMask(frame.bucket_geometry, frame.cell))
        found += list(outcomes(detector, frame, mask))
    calibration = fit(found)
    onnx.helper.set_model_props(model, {"calibration": json.dumps(asdict(calibration))})
    onnx.save(model, path)
    return calibration
