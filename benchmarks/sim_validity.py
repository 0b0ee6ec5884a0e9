"""Whether the engines behave like soil and a rock, at each grain size: a table, plots and a JSON file.

python benchmarks/sim_validity.py --output docs/physics
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro

from prpd_train.validity import digging, soil


@dataclass(frozen=True)
class Benchmark:
    """What is measured."""

    engines: tuple[str, ...] = ("warp", "physx")
    deltas: tuple[float, ...] = (70.0, 50.0, 30.0, 20.0, 10.0)
    """mm."""
    frictions: tuple[float, ...] = (0.2, 0.35, 0.5, 0.65, 0.8)
    depths: tuple[float, ...] = (20.0, 40.0, 60.0, 80.0)
    """mm, of the plate."""
    rest_time: float = 10.0
    """s, for which a bed is left alone."""
    output: Path = Path("runs/physics")


PULLS = (8, 10, 12, 14, 17, 20, 25, 30, 40, 50)
"""N, tried on a buried rock."""


def measure(engine: str, delta: float, benchmark: Benchmark) -> dict[str, object]:
    """All checks of one engine at one grain size (m)."""
    depths = [depth / 1000 for depth in benchmark.depths]
    heaps = [soil.heap(engine, delta, friction) for friction in benchmark.frictions]
    jobs: dict[str, Callable[[], object]] = {
        "rest": lambda: asdict(soil.rest(engine, delta, benchmark.rest_time)),
        "packing": lambda: soil.packing_fraction(engine, delta),
        "plate_force": lambda: digging.plate_forces(engine, delta, depths).tolist(),
        "breakout_20mm": lambda: digging.breakout_force(engine, delta, 0.02, PULLS),
        "breakout_60mm": lambda: digging.breakout_force(engine, delta, 0.06, PULLS),
        "sweep": lambda: asdict(digging.sweep(engine, delta)),
        "untouched": lambda: digging.untouched(engine, delta),
    }
    found: dict[str, object] = {name: job() for name, job in jobs.items()}
    found["heap_angle"] = [float(np.degrees(heap.angle)) for heap in heaps]
    found["energy_gain"] = max(heap.energy_gain for heap in heaps)
    return found


def plot(results: dict[str, dict[str, dict]], benchmark: Benchmark) -> None:
    """Heap angle against friction, and the plate's force against depth."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    for key, across, label, unit in (
        ("heap_angle", benchmark.frictions, "friction coefficient", "slope of the heap, degrees"),
        ("plate_force", benchmark.depths, "depth of the plate's edge, mm", "force, N"),
    ):
        figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
        for engine, style in zip(benchmark.engines, ("o-", "s--")):
            for k, (delta, found) in enumerate(results[engine].items()):
                axes.plot(across, found[key], style, color=f"C{k}", label=f"{engine}, {delta} mm")
        axes.set_xlabel(label)
        axes.set_ylabel(unit)
        axes.legend(fontsize=7)
        figure.savefig(benchmark.output / f"{key}.png", dpi=110)


def main() -> int:
    """Measure, print, write."""
    benchmark = tyro.cli(Benchmark, description=__doc__)
    benchmark.output.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, dict]] = {engine: {} for engine in benchmark.engines}
    for engine in benchmark.engines:
        for delta in benchmark.deltas:
            results[engine][f"{delta:g}"] = found = measure(engine, delta / 1000, benchmark)
            print(f"{engine}, {delta:g} mm")
            for name, value in found.items():
                print(f"  {name:<16}{json.dumps(value)}", flush=True)
            (benchmark.output / "validity.json").write_text(json.dumps(results, indent=1) + "\n")
    friction = (0.3, 0.5)
    for engine in benchmark.engines:
        for mu in friction:
            tried = np.radians(np.arange(10, 41))
            slide = np.degrees(digging.slide_angle(engine, mu, tried))
            print(
                f"{engine}: slides at {slide:.0f} degrees with friction {mu}; statics: {np.degrees(np.arctan(mu)):.1f}"
            )
    plot(results, benchmark)
    return 0


if __name__ == "__main__":
    sys.exit(main())
