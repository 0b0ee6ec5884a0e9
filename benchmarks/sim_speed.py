"""How fast grains are simulated: this project's engines beside PhysX, Newton, MuJoCo and PyBullet, in one run.

python benchmarks/sim_speed.py --output runs/sim_speed.json

Everybody gets the same grains (number, size, mass, friction), pit and simulated time, and a plate that sweeps through
the soil to and fro, so that nothing can sleep for long (Newton is spared the plate, the peers the rock). Times are the
process's CPU seconds, so that others on the machine disturb them little; each simulator uses its own way of stepping.
"""

from __future__ import annotations

import contextlib
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import peers
import tyro

from prpd_task.bucket import BucketGeometry
from prpd_train.engines import make
from prpd_train.engines.protocol import Simulator
from prpd_train.scene.generator import make_scene
from prpd_train.scene.spec import SceneSpec

PLATE = BucketGeometry(shape="solid", width=0.10, length=0.010, height=0.08)


@dataclass(frozen=True)
class Benchmark:
    """What is measured."""

    deltas: tuple[float, ...] = (70.0, 50.0, 30.0, 20.0, 10.0)
    """mm, grain sizes in the paper's bed."""
    envs: tuple[int, ...] = (1, 32)
    """Environments side by side; peers without batches are run once, alone."""
    large: tuple[int, ...] = (2000, 9000, 36000)
    """Numbers of 10 mm grains for the growth of the cost, one environment of `warp`."""
    seconds: float = 1.0
    """Simulated, after the bed has settled."""
    budget: float = 60.0
    """CPU seconds after which a measurement is cut short, at least one step of 0.1 s later."""
    peers: bool = True
    output: Path | None = None
    """Write the rows here as JSON."""


@dataclass(frozen=True)
class Row:
    """One measurement."""

    simulator: str
    delta_mm: float
    grains: int
    envs: int
    cpu_per_simulated: float
    """CPU seconds per simulated second, of one environment."""

    def text(self, cubes: float | None) -> str:
        """A line of the table, with the ratio to PhysX cubes in the same scene."""
        steps = 10 / self.cpu_per_simulated
        ratio = f"{cubes / self.cpu_per_simulated:7.1f}" if cubes else "      -"
        return (
            f"{self.simulator:<34}{self.delta_mm:5g}{self.grains:8d}{self.envs:6d}{1e3 * self.cpu_per_simulated:12.2f}"
            f"{steps:12.1f}{self.grains * steps:12.0f}{ratio}"
        )


HEADER = (
    f"{'simulator':<34}{'mm':>5}{'grains':>8}{'envs':>6}{'CPU ms/s':>12}{'env-steps/s':>12}{'grain-steps/s':>12}"
    f"{'x cubes':>7}\n(steps of 0.1 s; x cubes: how many times as fast as PhysX cubes at 1/60 s, per environment)"
)


def sweep(start: np.ndarray, k: int) -> np.ndarray:
    """Bucket targets of control step `k`: to and fro along y at 0.2 m/s."""
    target = start.copy()
    target[:, 1] += 0.05 * np.sin(2 * np.pi * k / 16)
    return target


def timed(step: Callable[[int], None], seconds: float, budget: float) -> float:
    """CPU seconds per simulated second of a function that advances 0.1 s."""
    begin = time.process_time()
    for k in range(round(10 * seconds)):
        step(k)
        if time.process_time() - begin > budget:
            break
    return (time.process_time() - begin) / (0.1 * (k + 1))


def scene(delta: float, seed: int = 0, grains: int | None = None) -> SceneSpec:
    """The paper's bed, or one of about `grains` grains as deep, with the plate. The peers leave the rock out."""
    side = 0.16 if grains is None else 0.16 * (grains / 1953) ** 0.5
    spec = make_scene(delta, "solid", seed, bucket=PLATE, footprint=(side, side), depth=0.0763)
    # As many cubes as spheres, for the comparison.
    return replace(spec, grains=replace(spec.grains, count=spec.grains.spheres))


def engine_row(name: str, label: str, specs: list[SceneSpec], benchmark: Benchmark, **options: object) -> Row:
    """Measure one of this project's engines."""
    simulator: Simulator = make(name, specs, **options)
    start = np.tile(np.array([0.0, 0.0, -0.03, 0.0], np.float32), (len(specs), 1))
    above = start + np.array([0, 0, 0.15, 0], np.float32)
    simulator.reset(range(len(specs)), specs, above)
    for k in range(5):
        simulator.step(above + (start - above) * (k + 1) / 5, 0.1)
    cpu = timed(lambda k: simulator.step(sweep(start, k), 0.1), benchmark.seconds, benchmark.budget)
    simulator.close()
    return Row(label, 1000 * specs[0].delta, specs[0].grains.spheres, len(specs), cpu / len(specs))


def rows(benchmark: Benchmark) -> Iterator[Row]:
    """All measurements."""
    for delta in benchmark.deltas:
        specs = [scene(delta / 1000, seed) for seed in range(max(benchmark.envs))]
        same = dict(force_every=0)
        yield engine_row("physx", "physx cubes, 1/60 s", specs[:1], benchmark, substep=1 / 60, **same)
        yield engine_row("physx", "physx cubes, 1/120 s (as used)", specs[:1], benchmark, **same)
        yield engine_row(
            "physx", "physx spheres, 1/60 s", specs[:1], benchmark, substep=1 / 60, grain_shape="sphere", **same
        )
        for envs in benchmark.envs:
            yield engine_row("warp", "warp", specs[:envs], benchmark)
        if benchmark.peers:
            for peer in peers.PEERS:
                for envs in benchmark.envs if peer.batched else (1,):
                    step, label = peer.build(specs[0], envs)
                    cpu = timed(step, benchmark.seconds, benchmark.budget)
                    yield Row(label, delta, specs[0].grains.spheres, envs, cpu / envs)
    for grains in benchmark.large:
        yield engine_row("warp", "warp, wide bed", [scene(0.01, grains=grains)], benchmark)


def main() -> int:
    """Measure, print, write."""
    benchmark = tyro.cli(Benchmark, description=__doc__)
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(HEADER, flush=True)
    found, cubes = [], {}
    for row in rows(benchmark):
        found.append(row)
        if row.simulator.startswith("physx cubes, 1/60"):
            cubes[row.delta_mm] = row.cpu_per_simulated
        print(row.text(cubes.get(row.delta_mm) if "wide" not in row.simulator else None), flush=True)
    if benchmark.output:
        benchmark.output.parent.mkdir(parents=True, exist_ok=True)
        benchmark.output.write_text(json.dumps([row.__dict__ for row in found], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
