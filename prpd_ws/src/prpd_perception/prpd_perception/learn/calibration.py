"""Make the detector's scores and deviations honest, on scenes that it was not trained on."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from prpd_perception.detector import Calibration, Detector
from prpd_perception.height_map import HeightMap
from prpd_perception.learn.examples import random_view, watched
from prpd_task.frames import soil_to_bucket
from prpd_twin.depth_camera.random_scenes import Frame, RandomFrames, SceneRanges

NEAR = 0.04
"""m, a candidate that is nearer to the rock's centre counts as right."""
COVERAGE, NORMAL_QUANTILE = 0.90, 1.645
"""Of the errors that shall lie within so many standard deviations."""
FALSE_SHARE = 0.004
"""Of looks at boxes without a rock, in which a candidate may pass for one; who acts on it asks for several looks."""
TAIL = 0.05
"""Of the boxes without a rock, those whose best candidates say how fast better ones become rare."""
PORTION = 250
"""Scenes that one worker draws at a time."""


@dataclass(frozen=True)
class Outcome:
    """A candidate and the truth."""

    evidence: np.ndarray
    """See `Candidate.evidence`."""
    deviation: np.ndarray
    """(3,) m."""
    error: np.ndarray | None
    """(3,) m, from the true centre; None if there is no rock."""

    @property
    def right(self) -> bool:
        """Whether the candidate is the rock."""
        return self.error is not None and float(np.linalg.norm(self.error)) < NEAR


def outcomes(detector: Detector, frame: Frame, views: list[HeightMap]) -> list[Outcome]:
    """All candidates of one scene."""
    found, pose = [], frame.bucket_pose
    for one in views:
        truth = frame.rock_position
        if truth is not None and one.in_bowl and pose is not None:
            truth = soil_to_bucket(pose, truth)
        for candidate in detector.detect(one):
            error = None if truth is None else candidate.position - truth
            found.append(Outcome(candidate.evidence, candidate.deviation, error))
    return found


def fit(found: list[Outcome], empty: list[list[Outcome]]) -> Calibration:
    """Logistic regression of being right, and the factors that give the deviations their coverage.

    `found` are candidates of scenes of any kind; `empty` those of each of many scenes without a rock. Scores are
    lowered until no more than `FALSE_SHARE` of the latter have one over 0.5.
    """
    everything = found + [o for scene in empty for o in scene]
    design, right = np.array([o.evidence for o in everything]), np.array([o.right for o in everything], float)
    if right.all() or not right.any():
        raise ValueError(
            f"{len(right)} candidates, {int(right.sum())} of them right: too uniform to fit scores to; draw more scenes"
        )
    weights = _regression(design, right)
    best = np.array([max((float(weights @ o.evidence) for o in scene), default=-np.inf) for scene in empty])
    weights[0] -= max(0.0, _exceeded(best, FALSE_SHARE))
    scaled = np.array([np.abs(o.error) / o.deviation for o in found if o.right and o.error is not None])
    factors = np.quantile(scaled, COVERAGE, axis=0) / NORMAL_QUANTILE
    x, y, z = (float(f) for f in factors)
    return Calibration(score=tuple(float(w) for w in weights), deviation=(x, y, z))


def _regression(design: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Weights of a logistic regression, by Newton's method."""
    weights, damping = np.zeros(design.shape[1]), 1e-3
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (right - p) - damping * weights
        curvature = (design * (p * (1 - p))[:, None]).T @ design + damping * np.eye(len(weights))
        weights = weights + np.linalg.solve(curvature, slope)
    return weights


def _exceeded(values: np.ndarray, share: float) -> float:
    """What a small share of `values` exceeds: too few are in the tail to count them, so it is taken as exponential."""
    tail = np.sort(values[np.isfinite(values)])[::-1][: int(TAIL * len(values))]
    if len(tail) <= share * len(values):
        return -np.inf
    start = tail[-1]
    return float(start + (tail - start).mean() * np.log(len(tail) / (share * len(values))))


def calibrate(path: Path, *, scenes: int, empty: int, seed: int, workers: int) -> Calibration:
    """Fit on fresh scenes, and store the result in the ONNX file's metadata."""
    import onnx

    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)
    usual, none = SceneRanges(), SceneRanges(rock_share=0.0)
    portions = [(path, [seed, 0, i], usual) for i in range(0, scenes, PORTION)]
    portions += [(path, [seed, 1, i], none) for i in range(0, empty, PORTION)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        drawn = pool.map(_portion, portions, chunksize=1)
    number = len(range(0, scenes, PORTION))
    found = [o for portion in drawn[:number] for scene in portion for o in scene]
    calibration = fit(found, [scene for portion in drawn[number:] for scene in portion])
    onnx.helper.set_model_props(model, {"calibration": json.dumps(asdict(calibration))})
    onnx.save(model, path)
    return calibration


def _portion(portion: tuple[Path, list[int], SceneRanges]) -> list[list[Outcome]]:
    path, seed, ranges = portion
    detector, source, rng = (
        Detector(path),
        RandomFrames(seed, ranges, watched=watched),
        np.random.default_rng([*seed, 1]),
    )
    return [outcomes(detector, *random_view(source, rng)) for _ in range(PORTION)]
