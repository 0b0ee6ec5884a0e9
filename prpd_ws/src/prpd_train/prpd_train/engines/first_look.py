"""A first look at an engine on a new machine: a few seconds of simulation whose outcome is known beforehand.

    python -m prpd_train.engines.first_look --engine warp
    python -m prpd_train.engines.isaacgym prpd_train.engines.first_look --engine isaacgym --device cuda:0

Each line says what was measured and what was expected. The thorough checks are in benchmarks/sim_validity.py.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import List, Optional, Sequence

import numpy as np

from prpd_train.engines import make
from prpd_train.engines.protocol import Simulator
from prpd_train.scene.generator import make_scene
from prpd_train.scene.spec import GRAVITY, SceneSpec

PERIOD = 0.1
"""s, of one command."""
ABOVE = (0.0, -0.1, 0.25, 0.0)
"""Bucket pose that touches nothing."""


@dataclass(frozen=True)
class Options:
    """Which engine to look at."""

    engine: str = "warp"
    """`warp`, `physx` or `isaacgym`."""
    device: str = "cpu"
    """`cpu` or `cuda:N`."""
    delta: float = 0.03
    """m, grain size."""
    environments: int = 4


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    what: str
    measured: float
    low: float
    high: float
    unit: str

    @property
    def fine(self) -> bool:
        """Whether the measured value is as expected; NaN is not."""
        return self.low <= self.measured <= self.high

    def __str__(self) -> str:
        mark = "  ok  " if self.fine else " LOOK "
        return (
            f"[{mark}] {self.what:<58} {self.measured:10.4g}   expected {self.low:.4g} .. {self.high:.4g} {self.unit}"
        )


def look(simulator: Simulator, specs: Sequence[SceneSpec]) -> List[Finding]:
    """Rest, follow, and lift a rock, in all environments at once."""
    n = simulator.num_envs
    away = np.tile(np.array(ABOVE, np.float32), (n, 1))
    simulator.reset(range(n), specs, away)
    return [*_rest(simulator, specs, away), *_follow(simulator, away), *_lift(simulator, specs)]


def _rest(simulator: Simulator, specs: Sequence[SceneSpec], away: np.ndarray) -> List[Finding]:
    """One second in which nothing is touched."""
    delta = specs[0].delta
    rocks = np.array([spec.rock.position for spec in specs])
    before, depth = _grains(simulator), np.array([spec.bed.depth for spec in specs])
    findings = [
        Finding(
            "rock, away from where the scene has it", _largest(_now(simulator, "rock_position") - rocks), 0, delta, "m"
        ),
        Finding("deepest grain, against the bed's depth", _depth(before) / depth.max(), 0.5, 1.5, ""),
    ]
    for _ in range(10):
        simulator.step(away, PERIOD)
    moved = np.concatenate([np.linalg.norm(a - b, axis=1) for a, b in zip(_grains(simulator), before)])
    return [
        *findings,
        Finding("grains at rest, median movement in 1 s", float(np.median(moved)), 0, 0.1 * delta, "m"),
        Finding("rock at rest, speed", _largest(_now(simulator, "rock_velocity")), 0, 0.02, "m/s"),
        Finding("force on a bucket that touches nothing", _largest(_now(simulator, "bucket_force")), 0, 0.05, "N"),
        Finding("environments that failed", float(_now(simulator, "failed").sum()), 0, 0, ""),
    ]


def _follow(simulator: Simulator, away: np.ndarray) -> List[Finding]:
    """The bucket goes 20 mm along each axis, and turns by 0.1 rad."""
    target = away + np.array([0.02, 0.02, -0.02, 0.1], np.float32)
    simulator.step(target, PERIOD)
    error = np.abs(_now(simulator, "bucket_pose") - target)
    simulator.step(target, PERIOD)
    late = np.abs(_now(simulator, "bucket_pose") - target)
    return [
        Finding("bucket behind a target that moves at 0.2 m/s", float(error[:, :3].max()), 0, 2e-3, "m"),
        Finding("bucket behind it 0.1 s later", float(late[:, :3].max()), 0, 2e-4, "m"),
        Finding("pitch behind it 0.1 s later", float(late[:, 3].max()), 0, 1e-3, "rad"),
    ]


def _lift(simulator: Simulator, specs: Sequence[SceneSpec]) -> List[Finding]:
    """Begin with the bowl around the rock and lift. The fork lets the soil pass: it carries the rock's weight."""
    poses = np.array(
        [[*spec.rock.position[:2], spec.rock.position[2] - 0.6 * spec.rock.size, 0.2] for spec in specs], np.float32
    )
    simulator.reset(range(simulator.num_envs), specs, poses)
    for _ in range(20):
        poses = poses + np.array([0.0, 0.0, 0.0125, 0.0], np.float32)
        simulator.step(poses, PERIOD)
    force = np.zeros(simulator.num_envs)
    for _ in range(10):
        simulator.step(poses, PERIOD)
        force += _now(simulator, "bucket_force")[:, 2] / 10
    weights = np.array([spec.rock.mass * GRAVITY for spec in specs])
    # Grains may ride on the rock.
    riders = max(spec.grains.mass / spec.rock.mass for spec in specs)
    carried = _now(simulator, "rock_position")[:, 2] - poses[:, 2]
    return [
        Finding("lifted rock, lowest centre over the bucket's floor", float(carried.min()), 0.005, 0.075, "m"),
        Finding("force of a lifted rock, over its weight (downwards)", float((-force / weights).min()), 0.9, 1.1, ""),
        Finding("the same, the largest", float((-force / weights).max()), 0.9, 1.1 + 2 * riders, ""),
    ]


def _now(simulator: Simulator, name: str) -> np.ndarray:
    """A field of the state as a NumPy array of its own."""
    value = getattr(simulator.state, name)
    return np.array(value.cpu() if hasattr(value, "cpu") else value)


def _grains(simulator: Simulator) -> List[np.ndarray]:
    counts = _now(simulator, "grain_count")
    return [grains[: int(count)] for grains, count in zip(_now(simulator, "grain_position"), counts)]


def _depth(grains: Sequence[np.ndarray]) -> float:
    return float(max(-g[:, 2].min() for g in grains))


def _largest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=-1).max())


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Print the findings; returns 1 if something wants to be looked at."""
    import tyro

    options = tyro.cli(Options, args=list(sys.argv[1:] if argv is None else argv), description=__doc__)
    specs = [make_scene(options.delta, seed=seed) for seed in range(options.environments)]
    start = time.perf_counter()
    simulator = make(options.engine, specs, device=options.device)
    built = time.perf_counter() - start
    findings = look(simulator, specs)
    seconds = time.perf_counter() - start - built
    simulator.close()
    grains = sum(spec.grains.count for spec in specs)
    size = f"{1000 * options.delta:.3g} mm"
    print(f"{options.engine} on {options.device}: {len(specs)} environments, {grains} grains of {size}")
    print(f"built in {built:.1f} s; then 4.2 s of simulated time in {seconds:.1f} s")
    print("\n".join(str(finding) for finding in findings))
    return 0 if all(finding.fine for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
