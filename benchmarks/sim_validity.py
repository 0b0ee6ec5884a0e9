"""Whether the engines behave like soil and a rock, at each grain size: a table, plots, and a last line that says it.

python benchmarks/sim_validity.py --json runs/validity.json --plots runs

Engines are measured as they are used, with sleep on. What a file of this commit holds already is not measured again, so
that a run may be cut short and go on later.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from circumstances import circumstances, commit

from prpd_train.validity.suite import CHECKS, DEPTHS, FRICTIONS, FULL, QUICK, Results, verdicts


@dataclass(frozen=True)
class Benchmark:
    """What is measured."""

    engines: tuple[str, ...] = ("warp", "physx")
    deltas: tuple[float, ...] = (70.0, 50.0, 30.0, 20.0, 10.0)
    """mm."""
    checks: tuple[str, ...] = tuple(CHECKS)
    quick: bool = False
    """Shorter times, fewer grains and beds."""
    json: Path | None = None
    """Results are written here one by one, and taken from here if they are of this commit."""
    plots: Path | None = None
    """Folder for the plots."""


def known(benchmark: Benchmark) -> dict[str, object]:
    """What the file says already, or an empty record."""
    now = {"commit": commit(), "quick": benchmark.quick}
    if benchmark.json and benchmark.json.exists():
        record: dict[str, object] = json.loads(benchmark.json.read_text())
        for name, value in now.items():
            if record[name] != value:
                raise SystemExit(
                    f"{benchmark.json} holds results with {name} {record[name]!r}, not {value!r}; name another file"
                )
        return record
    return {**now, "circumstances": circumstances(), "results": {}}


def measure(benchmark: Benchmark) -> Results:
    """What is asked for and not known yet, printed and written as it comes; all that is known."""
    record = known(benchmark)
    print(record["circumstances"], flush=True)
    results: Results = record["results"]  # type: ignore[assignment]
    options = QUICK if benchmark.quick else FULL
    for engine in benchmark.engines:
        for delta in benchmark.deltas:
            found = results.setdefault(engine, {}).setdefault(f"{delta:g}", {})
            for check in benchmark.checks:
                if check not in found:
                    found[check] = CHECKS[check](engine, delta / 1000, options)
                    if benchmark.json:
                        benchmark.json.parent.mkdir(parents=True, exist_ok=True)
                        benchmark.json.write_text(json.dumps(record, indent=1) + "\n")
                values = ", ".join(f"{name} {value:.4g}" for name, value in found[check].items())
                print(f"{engine} {delta:g} mm, {check}: {values}", flush=True)
    return results


def table(results: Results) -> str:
    """All values in Markdown, a row per value, a column per engine and grain size."""
    columns = [(engine, delta) for engine, deltas in results.items() for delta in deltas]
    head = " | ".join(f"{engine} {delta}" for engine, delta in columns)
    lines = [f"| check | {head} |", "| --- |" + " --- |" * len(columns)]
    off = {verdict.where for verdict in verdicts(results) if not verdict.fine}
    for check in CHECKS:
        rows = [results[engine][delta].get(check, {}) for engine, delta in columns]
        for name in dict.fromkeys(name for row in rows for name in row):
            cells = []
            for (engine, delta), row in zip(columns, rows):
                cell = f"{row[name]:.3g}" if name in row else ""
                cells.append(f"**{cell}**" if f"{engine} {delta} mm, {check}: {name}" in off else cell)
            lines.append(f"| {check}: {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plot(results: Results, folder: Path) -> None:
    """Heap angle against friction, and the plate's force against depth."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    for check, across, name, x_label, y_label in (
        ("heap", FRICTIONS, "slope at {:g}, degrees", "friction coefficient", "slope of a heap, degrees"),
        ("plate", 1e3 * np.array(DEPTHS), "force at {:g} mm, N", "depth of the plate's edge, mm", "force, N"),
    ):
        figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
        for engine, style in zip(results, ("o-", "s--")):
            for delta, found in results[engine].items():
                if check in found:
                    values = [found[check][name.format(x)] for x in across]
                    axes.plot(across, values, style, color=f"C{int(float(delta)) // 10}", label=f"{engine}, {delta} mm")
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.set_yscale("log" if check == "plate" else "linear")  # coarse cubes jam, with tens of times as much
        axes.legend(fontsize=7)
        figure.savefig(folder / f"validity_{check}.png", dpi=90)


def main() -> int:
    """Measure, print, write; 0 if all that has a band is in it."""
    benchmark = tyro.cli(Benchmark, description=__doc__)
    unknown = set(benchmark.checks) - set(CHECKS)
    if unknown:
        raise SystemExit(f"no check is called {', '.join(sorted(unknown))}; choose from {', '.join(CHECKS)}")
    results = measure(benchmark)
    print(table(results))
    if benchmark.plots:
        plot(results, benchmark.plots)
    found = verdicts(results)
    for verdict in found:
        if not verdict.fine:
            print(f"off: {verdict.where}: {verdict.value:.3g}, not in {verdict.low:g} .. {verdict.high:g}")
    cells = sum(len(deltas) for deltas in results.values())
    fine = sum(verdict.fine for verdict in found)
    print(f"{fine} of {len(found)} values are in their bands, over {cells} combinations of engine and grain size")
    return int(fine < len(found))


if __name__ == "__main__":
    sys.exit(main())
