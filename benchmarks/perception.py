"""How well and how fast the rock's state is estimated, on labelled scenes, empty beds, occlusions and digs.

python benchmarks/perception.py                     # all of it
python benchmarks/perception.py --quick             # a tenth, for a first impression
python benchmarks/perception.py --json FILE         # and the numbers into a file
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import tyro
from circumstances import commit
from perception_memory import peak_resident
from perception_report import EARLIER, Row, by_group, contrast, distribution, summary, verdict, worst_pictures

from prpd_perception.detector import Detector
from prpd_perception.estimate import EstimatorConfig, RockEstimate, Status
from prpd_perception.estimator import RockEstimator
from prpd_perception.learn.examples import watched
from prpd_task.cell import Cell
from prpd_twin.depth_camera.digs import dig
from prpd_twin.depth_camera.noise import NoiseModel
from prpd_twin.depth_camera.random_scenes import Frame, RandomFrames, SceneRanges
from prpd_twin.depth_camera.sequences import occlusion
from prpd_twin.soil_world.environment import names

NO_NOISE = NoiseModel(
    matching_window=0, baseline=0, lateral=0, flying_rate=0, grazing_angle=0, dropout=0, axial=0, quantum=0
)
ACTING = 5
"""States in a row that are sure of a rock, on which the excavation begins; see `ExcavationSettings.survey_count`."""
PERIOD = 1 / 30


@dataclass(frozen=True)
class Benchmark:
    """What is measured; 0 leaves a part out."""

    frames: int = 1000
    """Random scenes, three quarters of them with a rock."""
    empty: int = 1000
    """Further scenes without a rock."""
    sequences: int = 40
    """In which the bucket comes before the rock for up to 2 s."""
    digs: int = 3
    """Simulated digs in each environment of the twin."""
    timed: int = 60
    """Scenes on which the processor time is measured."""
    images: int = 8
    """Of each still scene, one after the other; 8 are what the camera gives in a quarter of a second."""
    noise: bool = True
    """Of the camera, in still scenes; without it, what is missed is not its fault."""
    expected: float = 0.5
    """Probability with which the estimator expects a rock; a graph that excavates says 0.95."""
    seed: int = 9000
    """Of the scenes; the detector was trained on others."""
    quick: bool = False
    """A tenth of everything, and no digs."""
    json: Path | None = None
    """File for the numbers."""
    output: Path = Path("runs/perception")
    """Folder for the picture of the worst."""


class Bench:
    """Runs scenes through fresh estimators that share one network."""

    def __init__(self, config: Benchmark) -> None:
        self.detector, self.config = Detector(), config

    def source(self, seed: int, ranges: SceneRanges, *, whole: bool = True) -> RandomFrames:
        """Random scenes, of whole images or of what the estimator's maps show of them."""
        noise = None if self.config.noise else NO_NOISE
        return RandomFrames(seed, ranges, noise=noise, watched=None if whole else watched)

    def estimator(self, frame: Frame) -> RockEstimator:
        """A fresh one, for the camera and bucket of a frame."""
        config = EstimatorConfig(check_frames=0, expected=self.config.expected)
        return RockEstimator(cell=frame.cell, bucket=frame.bucket_geometry, config=config, detector=self.detector)

    def look(self, frames: list[Frame]) -> Row:
        """What a fresh estimator makes of a scene's exposures."""
        estimator, estimates = self.estimator(frames[0]), []
        for i, frame in enumerate(frames):
            depth = frame.depth.astype(np.float32) / 1000
            estimate = estimator.update(depth, stamp=1 + i * PERIOD, bucket_pose=frame.bucket_pose)
            estimates.append(slim(estimate))
        earlier = tuple(estimates[number - 1] for number in EARLIER)
        ever = any(e.status == Status.OK for e in estimates)
        return Row(frames[-1], estimates[-1], earlier, ever, acted(estimates), _contrast(frames[-1], estimate))


def acted(estimates: list[RockEstimate]) -> bool:
    """Whether an excavation would begin."""
    sure = [e.status == Status.OK and e.confidence >= 0.5 for e in estimates]
    return any(all(sure[i : i + ACTING]) for i in range(len(sure) - ACTING + 1))


def _contrast(frame: Frame, estimate: RockEstimate) -> float:
    return float("nan") if estimate.soil is None else contrast(frame, estimate.soil)


def slim(estimate: RockEstimate) -> RockEstimate:
    """Without what takes memory."""
    return replace(estimate, candidates=(), soil=None, surface=np.zeros((0, 3)), cloud=np.zeros((3, 0)))


def scenes(bench: Bench, *, number: int, seed: int, ranges: SceneRanges, note: Callable[[int], None]) -> list[Row]:
    """What is made of still scenes; of their images only what the estimator's maps show is drawn."""
    source, rows = bench.source(seed, ranges, whole=False), []
    for i in range(number):
        row = bench.look(source.exposures(bench.config.images))
        if row.frame.rock_position is None:
            row = replace(row, frame=replace(row.frame, depth=np.zeros(0), rock_mask=np.zeros(0)))
        rows.append(row)
        note(i + 1)
    return rows


def occlusions(bench: Bench, *, number: int, seed: int) -> dict[str, float]:
    worst, lost, carried_wrong, steps = [], 0, 0, 0
    for i in range(number):
        frames = occlusion(seed + i)
        estimator = bench.estimator(frames[0])
        largest = 0.0
        for k, frame in enumerate(frames):
            estimate = estimator.update(
                frame.depth.astype(np.float32) / 1000, stamp=1 + k * PERIOD, bucket_pose=frame.bucket_pose
            )
            if k < 10:
                continue
            steps += 1
            lost += estimate.status not in (Status.OK, Status.OCCLUDED)
            carried_wrong += (estimate.in_bucket > 0.5) != frame.rock_in_bucket
            largest = max(largest, float(np.linalg.norm(estimate.position - frame.rock_position)))
        worst.append(largest)
    return {
        "occlusion_sequences": number,
        "occlusion_error_p50_mm": 1000 * float(np.median(worst)),
        "occlusion_error_max_mm": 1000 * float(np.max(worst)),
        "occlusion_within_25_mm_share": float((np.array(worst) < 0.025).mean()),
        "occlusion_lost_share": lost / max(steps, 1),
        "occlusion_in_bucket_wrong_share": carried_wrong / max(steps, 1),
    }


def digs(bench: Bench, *, per_environment: int, rows: list[Row]) -> dict[str, float]:
    """Whole simulated digs, 10 frames a second, in all environments of the twin."""
    errors, wrong, beliefs, lost, seen = [], 0, 0, 0, 0
    for environment in names():
        for seed in range(per_environment):
            frames = dig(environment, seed)
            estimator = bench.estimator(frames[0])
            survey = [frames[0]] * 10 + frames
            for k, frame in enumerate(survey):
                depth = frame.depth.astype(np.float32) / 1000
                estimate = estimator.update(depth, stamp=1 + k * 0.1, bucket_pose=frame.bucket_pose)
                if k < 10:
                    continue
                known = estimate.status in (Status.OK, Status.OCCLUDED)
                beliefs += 1
                wrong += (estimate.in_bucket > 0.5) != frame.rock_in_bucket
                if frame.visible_fraction >= 0.2:
                    seen += 1
                    lost += not known
                    rows.append(Row(frame, slim(estimate), contrast=_contrast(frame, estimate)))
                if known:
                    errors.append(float(np.linalg.norm(estimate.position - frame.rock_position)))
    return {
        "dig_frames": beliefs,
        "dig_error_p50_mm": 1000 * float(np.median(errors)),
        "dig_error_p95_mm": 1000 * float(np.quantile(errors, 0.95)),
        "dig_known_share_where_visible": 1 - lost / seen,
        "dig_in_bucket_wrong_share": wrong / beliefs,
    }


def times(bench: Bench, *, number: int, seed: int) -> dict[str, float]:
    """Processor time of an update, on whole images."""
    source, took = bench.source(seed, SceneRanges(intruder_share=0.0)), []
    for _ in range(number):
        frames = source.exposures(bench.config.images)
        estimator = bench.estimator(frames[0])
        for i, frame in enumerate(frames):
            depth = frame.depth.astype(np.float32) / 1000
            start = time.thread_time()
            estimator.update(depth, stamp=1 + i * PERIOD, bucket_pose=frame.bucket_pose)
            took.append(time.thread_time() - start)
    return {f"update_cpu_p{q}_ms": 1000 * float(np.percentile(took, q)) for q in (50, 99)}


def measure(config: Benchmark) -> int:
    if config.images < max(EARLIER):
        raise SystemExit(f"--images {config.images}: what was known after {max(EARLIER)} of them is part of the result")
    config.output.mkdir(parents=True, exist_ok=True)
    bench, code = Bench(config), commit()

    def note(i: int) -> None:
        if i % 100 == 0:
            print(f"  {i} scenes", file=sys.stderr, flush=True)

    numbers: dict[str, float] = {}
    rows: list[Row] = []
    dug: list[Row] = []
    if config.frames:
        rows = scenes(bench, number=config.frames, seed=config.seed, ranges=SceneRanges(intruder_share=0.0), note=note)
        nothing = SceneRanges(rock_share=0.0, intruder_share=0.0)
        empty = scenes(bench, number=config.empty, seed=config.seed + 1, ranges=nothing, note=note)
        numbers |= summary(rows, empty)
    if config.timed:
        numbers |= times(bench, number=config.timed, seed=config.seed + 3)
        numbers["peak_resident_mib"] = peak_resident(Cell())
    if config.sequences:
        numbers |= occlusions(bench, number=config.sequences, seed=config.seed + 2)
    if config.digs:
        numbers |= digs(bench, per_environment=config.digs, rows=dug)
    for name, value in numbers.items():
        print(f"{name:40} {value:10.3f}")
    groups = (distribution(rows) | by_group(rows) if rows else {}) | by_group(dug, "dig: ")
    for name, text in groups.items():
        print(f"{name:30} {text}")
    if rows:
        worst_pictures(rows, config.output / "worst_20.jpg")
        print(f"wrote {config.output / 'worst_20.jpg'}")
    if config.json:
        about = {"commit": code, "date": f"{date.today()}", "seed": config.seed}
        config.json.write_text(json.dumps(about | {"numbers": numbers, "groups": groups}, indent=1) + "\n")
        print(f"wrote {config.json}")
    print(verdict(numbers))
    return 0


def main() -> int:
    config = tyro.cli(Benchmark)
    if config.quick:
        config = replace(config, frames=100, empty=100, sequences=4, digs=0, timed=10)
    return measure(config)


if __name__ == "__main__":
    raise SystemExit(main())
