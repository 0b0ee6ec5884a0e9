"""How well and how fast the rock's state is estimated, on labelled scenes, empty beds and occlusions.

python benchmarks/perception.py --frames 1000 --empty 1000 --sequences 40 --output runs/perception
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro

from prpd_perception.detector import Detector
from prpd_perception.estimate import EstimatorConfig, RockEstimate, Status
from prpd_perception.estimator import RockEstimator
from prpd_twin.depth_camera.digs import dig
from prpd_twin.depth_camera.random_scenes import Frame, RandomFrames, SceneRanges
from prpd_twin.depth_camera.sequences import occlusion
from prpd_twin.soil_world.environment import names

EXPOSURES = 4
"""Images of each still scene: what the camera gives in an eighth of a second."""
PERIOD = 1 / 30


@dataclass(frozen=True)
class Benchmark:
    """What is measured."""

    frames: int = 1000
    """Random scenes, three quarters of them with a rock."""
    empty: int = 1000
    """Further scenes without a rock."""
    sequences: int = 40
    """In which the bucket comes before the rock for up to 2 s."""
    digs: int = 3
    """Simulated digs in each environment of the twin."""
    seed: int = 9000
    """Of the scenes; the detector was trained on others."""
    soak: float = 0.0
    """s of running at 30 Hz, for memory and latency."""
    output: Path = Path("runs/perception")
    """Folder for the numbers and the pictures of the worst."""


@dataclass(frozen=True)
class Row:
    """One scene's outcome."""

    frame: Frame
    estimate: RockEstimate

    @property
    def found(self) -> bool:
        """Whether the estimator reports a rock in sight."""
        return self.estimate.status == Status.OK

    @property
    def error(self) -> float:
        """m; NaN if there is nothing to compare."""
        if self.frame.rock_position is None or not self.found:
            return float("nan")
        return float(np.linalg.norm(self.estimate.position - self.frame.rock_position))

    def covered(self) -> np.ndarray:
        """(3,) bool: per axis, whether the truth lies in the 90 % interval."""
        deviation = np.sqrt(np.diag(self.estimate.covariance))
        return np.abs(self.estimate.position - self.frame.rock_position) < 1.645 * deviation


class Bench:
    """Runs scenes through fresh estimators that share one network."""

    def __init__(self) -> None:
        self.detector = Detector()
        self.times: list[float] = []

    def estimator(self, frame: Frame) -> RockEstimator:
        """A fresh one, for the camera and bucket of a frame."""
        config = EstimatorConfig(check_frames=0)
        return RockEstimator(cell=frame.cell, bucket=frame.bucket_geometry, config=config, detector=self.detector)

    def look(self, frames: list[Frame]) -> Row:
        """What a fresh estimator makes of a scene's exposures."""
        estimator = self.estimator(frames[0])
        for i, frame in enumerate(frames):
            depth = frame.depth.astype(np.float32) / 1000
            start = time.thread_time()
            estimate = estimator.update(depth, stamp=1 + i * PERIOD, bucket_pose=frame.bucket_pose)
            self.times.append(time.thread_time() - start)
        return Row(frames[-1], estimate)


def scenes(bench: Bench, *, number: int, seed: int, ranges: SceneRanges, note: Callable[[int], None]) -> list[Row]:
    source, rows = RandomFrames(seed, ranges), []
    for i in range(number):
        rows.append(bench.look(source.exposures(EXPOSURES)))
        note(i + 1)
    return rows


def summary(rows: list[Row], empty: list[Row]) -> dict[str, float]:
    seen = [r for r in rows if r.frame.rock_position is not None and r.frame.visible_fraction >= 0.2]
    near = [r for r in seen if r.error < 0.05]
    errors = np.array([r.error for r in seen if r.found])
    without = [r for r in rows if r.frame.rock_position is None] + empty
    belief = [(r.estimate.in_bucket > 0.5, r.frame.rock_in_bucket) for r in seen if r.frame.bucket_pose is not None]
    coverage = np.array([r.covered() for r in near])
    flat = np.array([r.estimate.position[:2] - r.frame.rock_position[:2] for r in near])
    return {
        "visible_scenes": len(seen),
        "position_error_p50_mm": 1000 * float(np.median(errors)),
        "position_error_p95_mm": 1000 * float(np.quantile(errors, 0.95)),
        "position_error_p99_mm": 1000 * float(np.quantile(errors, 0.99)),
        "detection_share": float(np.mean([r.found for r in seen])),
        "detection_within_50_mm_share": len(near) / len(seen),
        "scenes_without_rock": len(without),
        "false_detection_share": float(np.mean([r.found for r in without])),
        "scenes_with_bucket": len(belief),
        "in_bucket_wrong_share": float(np.mean([a != b for a, b in belief])),
        "coverage_90_x": float(coverage[:, 0].mean()),
        "coverage_90_y": float(coverage[:, 1].mean()),
        "coverage_90_z": float(coverage[:, 2].mean()),
        "bias_x_mm": 1000 * float(flat[:, 0].mean()),
        "bias_y_mm": 1000 * float(flat[:, 1].mean()),
        "horizontal_error_within_25_mm_share": float((np.abs(flat) < 0.025).all(1).mean()),
        "horizontal_deviation_mm": 1000 * float(flat.std()),
    }


def by_group(rows: list[Row]) -> dict[str, str]:
    """Median and 95 % error and detection by what varies."""
    seen = [r for r in rows if r.frame.rock_position is not None and r.frame.visible_fraction >= 0.2]
    groups: dict[str, list[Row]] = {}
    for r in seen:
        f = r.frame
        burial = "20-50 %" if f.visible_fraction < 0.5 else "50-80 %" if f.visible_fraction < 0.8 else "80-100 %"
        grain = "fine < 6 mm" if f.grain_edge < 0.006 else "coarse > 10 mm" if f.grain_edge > 0.01 else "6-10 mm"
        for name in (f"rock {f.kind}", f"situation {f.situation}", f"visible {burial}", f"grains {grain}"):
            groups.setdefault(name, []).append(r)
    text = {}
    for name, members in sorted(groups.items()):
        e = np.array([r.error for r in members if r.found]) * 1000
        p50, p95 = (np.quantile(e, q) if len(e) else np.nan for q in (0.5, 0.95))
        text[name] = f"{p50:5.1f} {p95:6.1f} mm, found {np.mean([r.found for r in members]):.3f} of {len(members)}"
    return text


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
                    rows.append(Row(frame, estimate))
                if known:
                    errors.append(float(np.linalg.norm(estimate.position - frame.rock_position)))
    return {
        "dig_frames": beliefs,
        "dig_error_p50_mm": 1000 * float(np.median(errors)),
        "dig_error_p95_mm": 1000 * float(np.quantile(errors, 0.95)),
        "dig_known_share_where_visible": 1 - lost / seen,
        "dig_in_bucket_wrong_share": wrong / beliefs,
    }


def soak(bench: Bench, seconds: float) -> dict[str, float]:
    """30 Hz for `seconds`, over a few scenes in turn."""
    source = RandomFrames(77)
    frames = [source.exposures(2) for _ in range(10)]
    estimator = bench.estimator(frames[0][0])
    start, took, late, memory = time.monotonic(), [], 0, []
    for i in range(int(seconds / PERIOD)):
        frame = frames[(i // 60) % 10][i % 2]
        due = start + i * PERIOD
        pause = due - time.monotonic()
        late += pause < -PERIOD
        time.sleep(max(0.0, pause))
        began = time.monotonic()
        estimator.update(frame.depth.astype(np.float32) / 1000, stamp=1 + i * PERIOD, bucket_pose=frame.bucket_pose)
        took.append(time.monotonic() - began)
        if i % 300 == 0:
            memory.append(_resident())
    return {
        "soak_s": seconds,
        "soak_wall_p50_ms": 1000 * float(np.median(took)),
        "soak_wall_p99_ms": 1000 * float(np.quantile(took, 0.99)),
        "soak_late_share": late / len(took),
        "soak_memory_growth_mib": (memory[-1] - memory[min(1, len(memory) - 1)]) / 1024,
    }


def _resident() -> float:
    """KiB, resident now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return float(line.split()[1])
    return 0.0


def picture(row: Row) -> np.ndarray:
    """The depth around the box, the rock's true outline in white, the estimate as a cross."""
    f = row.frame
    image = cv2.applyColorMap(np.clip((f.depth / 1000.0 - 0.45) * 400, 0, 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    image[f.depth == 0] = 0
    outline, _ = cv2.findContours(f.rock_mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, outline, -1, (255, 255, 255), 1)
    for point, colour in (
        (f.rock_position, (255, 255, 255)),
        (row.estimate.position if row.found else None, (255, 0, 255)),
    ):
        if point is not None:
            inverse = f.cell.soil_from_camera.inverse()
            x, y, z = inverse.apply(np.asarray(point))
            i = f.cell.intrinsics
            cv2.drawMarker(image, (int(i.fx * x / z + i.cx), int(i.fy * y / z + i.cy)), colour, cv2.MARKER_CROSS, 12, 1)
    crop = np.ascontiguousarray(image[80:380, 170:470])
    text = f"{1000 * row.error:.0f} mm vis {f.visible_fraction:.2f} {f.kind} {f.situation}"
    cv2.putText(crop, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return crop


def worst_pictures(rows: list[Row], path: Path) -> None:
    seen = [r for r in rows if r.frame.rock_position is not None and r.frame.visible_fraction >= 0.2]
    worst = sorted(seen, key=lambda r: -(r.error if r.found else 1.0))[:20]
    tiles = [picture(r) for r in worst]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 5)
    cv2.imwrite(str(path), np.vstack([np.hstack(tiles[i : i + 5]) for i in range(0, len(tiles), 5)]))


def main() -> int:
    config = tyro.cli(Benchmark)
    config.output.mkdir(parents=True, exist_ok=True)
    bench = Bench()
    before = _resident()

    def note(i: int) -> None:
        if i % 200 == 0:
            print(f"  {i} scenes", file=sys.stderr, flush=True)

    rows = scenes(bench, number=config.frames, seed=config.seed, ranges=SceneRanges(intruder_share=0.0), note=note)
    nothing = SceneRanges(rock_share=0.0, intruder_share=0.0)
    empty = scenes(bench, number=config.empty, seed=config.seed + 1, ranges=nothing, note=note)
    numbers = summary(rows, empty)
    numbers |= occlusions(bench, number=config.sequences, seed=config.seed + 2)
    dug: list[Row] = []
    if config.digs:
        numbers |= digs(bench, per_environment=config.digs, rows=dug)
    took = 1000 * np.array(bench.times[10:])
    numbers |= {f"update_cpu_p{q}_ms": float(np.percentile(took, q)) for q in (50, 99)}
    if config.soak:
        numbers |= soak(bench, config.soak)
    numbers["resident_before_mib"] = before / 1024
    numbers["peak_resident_with_renderer_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, value in numbers.items():
        print(f"{name:40} {value:10.3f}")
    for name, text in by_group(rows + dug).items():
        print(f"{name:30} {text}")
    (config.output / "benchmark.json").write_text(json.dumps(numbers, indent=1))
    worst_pictures(rows, config.output / "worst_20.png")
    print(f"wrote {config.output / 'benchmark.json'} and {config.output / 'worst_20.png'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
