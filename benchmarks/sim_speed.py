"""How fast grains are simulated: this project's engines beside PhysX, Newton, MuJoCo and PyBullet, in one run.

python benchmarks/sim_speed.py --json runs/sim_speed.json

Everybody gets the same grains (number, size, mass, friction), pit and simulated time, and a plate that sweeps through
the soil to and fro, so that nothing can sleep for long (Newton is spared the plate, the peers the rock). Times are the
process's CPU seconds, so that others on the machine disturb them little; each simulator uses its own way of stepping.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import peers
import tyro
from circumstances import circumstances
from measure_memory import memory_gib

from prpd_task.bucket import BucketGeometry
from prpd_train.engines import make
from prpd_train.engines.protocol import Simulator
from prpd_train.scene.generator import make_scene
from prpd_train.scene.spec import SceneSpec

CUBES, WIDE = "physx cubes, 1/60 s", "warp, wide bed"
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
    memory_envs: int = 128
    """Environments of 10 mm whose memory is measured; 0 leaves it out."""
    quick: bool = False
    """Two grain sizes, few environments, little time: to see that it runs."""
    json: Path | None = None
    """The rows are written here, each as soon as it is known."""


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
        yield engine_row("physx", CUBES, specs[:1], benchmark, substep=1 / 60)
        yield engine_row("physx", "physx cubes, 1/120 s (as used)", specs[:1], benchmark)
        yield engine_row("physx", "physx spheres, 1/60 s", specs[:1], benchmark, substep=1 / 60, grain_shape="sphere")
        for envs in benchmark.envs:
            yield engine_row("warp", "warp", specs[:envs], benchmark)
        if benchmark.peers:
            for peer in (peer for peer in peers.PEERS if specs[0].grains.spheres <= peer.most):
                for envs in benchmark.envs if peer.batched else (1,):
                    step, label = peer.build(specs[0], envs)
                    cpu = timed(step, benchmark.seconds, benchmark.budget)
                    yield Row(label, delta, specs[0].grains.spheres, envs, cpu / envs)
    for grains in benchmark.large:
        yield engine_row("warp", WIDE, [scene(0.01, grains=grains)], benchmark)


def reached(found: list[Row], memory: float | None) -> str:
    """What was asked for, and what was measured, in one line."""
    cost = {(row.simulator.split(",")[0], row.delta_mm, row.envs, row.grains): row.cpu_per_simulated for row in found}
    parts = []
    finest = min(row.delta_mm for row in found)
    cubes = [row for row in found if row.simulator == CUBES and row.delta_mm == finest]
    ours = [row for row in found if row.simulator == "warp" and row.delta_mm == finest]
    if cubes and ours:
        ratio = cubes[0].cpu_per_simulated / max(ours, key=lambda row: row.envs).cpu_per_simulated
        parts.append(f"{ratio:.1f} times PhysX cubes at {finest:g} mm (asked: 5)")
    ratios = {
        (delta, envs): value / cost["warp", delta, envs, grains]
        for (name, delta, envs, grains), value in cost.items()
        if name == "newton XPBD" and envs > 1 and ("warp", delta, envs, grains) in cost
    }
    if ratios:
        (delta, envs), least = min(ratios.items(), key=lambda item: item[1])
        parts.append(f"at least {least:.1f} times Newton XPBD with {envs} environments, at {delta:g} mm (asked: 3)")
    wide = sorted((row for row in found if row.simulator == WIDE), key=lambda row: row.grains)
    if len(wide) > 1:
        growth = wide[-1].cpu_per_simulated / wide[0].cpu_per_simulated / (wide[-1].grains / wide[0].grains)
        parts.append(f"cost per grain grows {growth:.2f} fold from {wide[0].grains} to {wide[-1].grains} (asked: 1)")
    if memory is not None:
        parts.append(f"memory {memory:.2f} GiB (asked: below 4)")
    return "; ".join(parts) or "nothing to compare"


def main() -> int:
    """Measure, print, write."""
    benchmark = tyro.cli(Benchmark, description=__doc__)
    if benchmark.quick:
        benchmark = replace(
            benchmark, deltas=(70.0, 30.0), envs=(1, 4), large=(), seconds=0.3, budget=5.0, memory_envs=2
        )
    if benchmark.peers and (lacking := peers.missing()):
        raise SystemExit(
            f"not installed: {', '.join(lacking)}; leave peers out by --no-peers, or\n"
            "  ./prpd exec python -m pip install -r requirements/bench.txt -c requirements/constraints.txt"
        )
    where = circumstances(python=sys.version.split()[0])
    print(where)
    print(HEADER, flush=True)
    found: list[Row] = []
    cubes: dict[float, float] = {}
    memory = None
    for row in rows(benchmark):
        found.append(row)
        if row.simulator == CUBES:
            cubes[row.delta_mm] = row.cpu_per_simulated
        print(row.text(cubes.get(row.delta_mm) if row.simulator != WIDE else None), flush=True)
        write(benchmark.json, where, found, memory)
    if benchmark.memory_envs:
        memory = memory_gib(benchmark.memory_envs)
        print(
            f"{benchmark.memory_envs} environments at 10 mm: {memory:.2f} GiB at most, of which the cache may add 0.5"
        )
        write(benchmark.json, where, found, memory)
    print(reached(found, memory))
    return 0


def write(path: Path | None, where: str, found: list[Row], memory: float | None) -> None:
    """All that is known so far."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {"circumstances": where, "memory_gib": memory, "rows": [asdict(row) for row in found]}
        path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
