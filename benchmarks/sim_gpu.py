"""How fast a GPU simulates digs, for more and more environments side by side, and whether it digs as a CPU does.

python benchmarks/sim_gpu.py --json runs/sim_gpu.json

Every environment digs its rock out by the hand-written rule, in the paper's bed, fully randomised. Grains asleep cost
nothing, so two rates are given: of all grains, and of those awake (which is the solver's own). `asleep` is what
training uses; `awake` is the same with sleep switched off, so that every grain counts.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
import warp as wp
from circumstances import circumstances

from prpd_task.spec import TaskSpec
from prpd_train.engines import make
from prpd_train.engines.protocol import SimState
from prpd_train.engines.scripted import scripted_dig
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

TARGET = 5e8
"""Grain-substeps per second."""
SUBSTEP = 1 / 240


@dataclass(frozen=True)
class Benchmark:
    """What is measured."""

    device: str = "cuda:0"
    deltas: tuple[float, ...] = (70.0, 30.0, 10.0)
    """mm."""
    envs: tuple[int, ...] = (128, 1024, 4096, 16384)
    """Side by side."""
    scenes: int = 64
    """Different ones among them."""
    cpu_envs: int = 64
    """Side by side on one core of the CPU, for comparison; 0 leaves it out."""
    sleeping: tuple[bool, ...] = (True, False)
    quick: bool = False
    """30 mm grains and 128 environments only."""
    json: Path | None = None
    """Write the rows here."""


@dataclass(frozen=True)
class Row:
    """One batch of digs."""

    device: str
    delta_mm: float
    envs: int
    grains: int
    """Mean per environment."""
    sleeping: bool
    excavated: float
    """Share."""
    force_n: float
    """Mean of each dig's greatest force, N."""
    awake: float
    """Share of grains awake, mean over the dig."""
    reset_s: float
    """First reset: all scenes settle."""
    again_s: float
    """Reset of all environments to scenes that are known."""
    dig_s: float
    env_steps_per_s: float
    grain_substeps_per_s: float
    awake_grain_substeps_per_s: float
    failures: int

    def text(self) -> str:
        """A line of the table."""
        soil = "asleep" if self.sleeping else "awake"
        return (
            f"{self.device:<8}{self.delta_mm:5g}{self.envs:7d}{self.grains:7d} {soil:<7}"
            f"{self.excavated:9.3f}{self.force_n:8.1f}{100 * self.awake:8.1f}{self.reset_s:9.1f}{self.again_s:9.3f}"
            f"{self.env_steps_per_s:13.0f}{self.grain_substeps_per_s:12.2e}{self.awake_grain_substeps_per_s:12.2e}"
        )


HEADER = (
    f"{'device':<8}{'mm':>5}{'envs':>7}{'grains':>7} {'':<7}{'excavated':>9}{'N':>8}{'awake %':>8}{'settle s':>9}"
    f"{'reset s':>9}{'env-steps/s':>13}{'grains':>12}{'awake':>12}\n"
    "(the last two: grain-substeps of 1/240 s per second)"
)


def measure(device: str, delta: float, envs: int, scenes: int, sleeping: bool) -> Row:
    """Dig in all environments once to warm up the caches of settled scenes, then again for the time."""
    task = TaskSpec()
    drawn = [make_scene(delta, seed=seed, randomisation=Randomisation()) for seed in range(min(scenes, envs))]
    specs = [drawn[i % len(drawn)] for i in range(envs)]
    starts = np.tile(np.array(task.start_pose, np.float32), (envs, 1))
    sim = make("warp", specs, device=device, sleeping=sleeping, max_grains=max(s.grains.spheres for s in drawn))
    began = time.perf_counter()
    sim.reset(range(envs), specs, starts)
    wp.synchronize()
    settled = time.perf_counter() - began
    began = time.perf_counter()
    sim.reset(range(envs), specs, starts)
    wp.synchronize()
    again = time.perf_counter() - began
    forces, awake = [], []

    def watch(_: int, state: SimState) -> None:
        forces.append(np.linalg.norm(state.bucket_force, axis=1))
        awake.append(float(sim.data.awake_count.numpy().sum()))  # type: ignore[attr-defined]

    began = time.perf_counter()
    excavated = scripted_dig(sim, task, watch)
    wp.synchronize()
    took = time.perf_counter() - began
    steps, grains = len(forces) - 1, sum(s.grains.spheres for s in specs)
    substeps = round(task.control_period / SUBSTEP)
    row = Row(
        device=device,
        delta_mm=1000 * delta,
        envs=envs,
        grains=round(grains / envs),
        sleeping=sleeping,
        excavated=float(excavated.mean()),
        force_n=float(np.max(forces, axis=0).mean()),
        awake=float(np.mean(awake)) / grains,
        reset_s=settled,
        again_s=again,
        dig_s=took,
        env_steps_per_s=envs * steps / took,
        grain_substeps_per_s=grains * substeps * steps / took,
        awake_grain_substeps_per_s=float(np.mean(awake)) * substeps * steps / took,
        failures=sim.failures.count,
    )
    sim.close()
    return row


def main() -> int:
    """Measure, print, write."""
    config = tyro.cli(Benchmark, description=__doc__)
    wp.init()
    name = wp.get_device(config.device).name
    when = circumstances()
    print(f"{when}, {name}\n{HEADER}", flush=True)
    deltas, counts = ((30.0,), (128,)) if config.quick else (config.deltas, config.envs)
    rows = []
    for delta in deltas:
        for sleeping in config.sleeping:
            cases = [("cpu", config.cpu_envs)] if config.cpu_envs else []
            for device, envs in [*cases, *((config.device, n) for n in counts)]:
                rows.append(measure(device, delta / 1000, envs, config.scenes, sleeping))
                print(rows[-1].text(), flush=True)
                if config.json:
                    config.json.parent.mkdir(parents=True, exist_ok=True)
                    found = {"circumstances": when, "gpu": name, "rows": [asdict(row) for row in rows]}
                    config.json.write_text(json.dumps(found, indent=1) + "\n")
    best = max((r for r in rows if r.device == config.device), key=lambda r: r.awake_grain_substeps_per_s)
    verdict = "reached" if best.awake_grain_substeps_per_s >= TARGET else "not reached"
    print(
        f"{verdict}: {best.awake_grain_substeps_per_s:.2e} grain-substeps/s of grains awake, {best.envs} environments "
        f"of {best.delta_mm:g} mm (aim {TARGET:.0e}), {100 * best.excavated:.0f} % excavated"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
