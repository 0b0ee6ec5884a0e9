"""What a study found: a table, the raw numbers, and a figure."""

from __future__ import annotations

import csv
from math import isfinite
from pathlib import Path
from statistics import median
from typing import Any, Dict, List, Sequence, Tuple

from prpd_train.runs.folder import RunFolder, counted_cost
from prpd_train.runs.metrics import read_metrics
from prpd_train.study.variants import Variant

Finished = Sequence[Tuple[Variant, int, RunFolder]]


def rows(runs: Finished) -> List[Dict[str, Any]]:
    """One row for each run: whether and when the finest grains were mastered, and what it cost."""
    table = []
    for variant, seed, folder in runs:
        results, schedule = folder.results(), folder.config().schedule
        last = results[-1]
        arrived = (
            last.reached and last.delta <= (schedule.deltas[-1] if schedule.mode == "list" else schedule.last) + 1e-9
        )
        table.append(
            {
                "variant": variant.name,
                "seed": seed,
                "reached": arrived,
                "stages": len(results),
                "final_delta": last.delta,
                "final_success": last.success,
                "samples": last.samples,
                "counted_cost": counted_cost(results, schedule),
                "seconds": last.seconds,
                "simulation_seconds": last.simulation_seconds,
                "cpu_seconds": last.cpu_seconds,
            }
        )
    return table


def write_csv(table: Sequence[Dict[str, Any]], path: Path) -> None:
    """The raw numbers."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


def markdown(table: Sequence[Dict[str, Any]]) -> str:
    """Medians with their range over seeds; runs that did not arrive are counted, not dropped.

    Times depend on what else the machine does; samples counted by what they cost (`ScheduleConfig.cost`) do not.
    """
    heads = ("variant", "arrived", "seconds", "of processor time", "samples", "their cost, thousands", "final success")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name in dict.fromkeys(row["variant"] for row in table):
        mine = [row for row in table if row["variant"] == name]
        cells = (
            name,
            f"{sum(row['reached'] for row in mine)} of {len(mine)}",
            _range([row["seconds"] for row in mine]),
            _range([row["cpu_seconds"] for row in mine]),
            _range([row["samples"] for row in mine]),
            _range([row["counted_cost"] / 1000 for row in mine]),
            f"{median(row['final_success'] for row in mine):.3f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _range(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:,.0f}"
    return f"{median(values):,.0f} ({min(values):,.0f} to {max(values):,.0f})"


def plot(runs: Finished, path: Path) -> None:
    """Success, grain size and alpha over time, one line for each run; without teachers there is no alpha."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    metrics = [read_metrics(folder.path) for _, _, folder in runs]
    taught = any(isfinite(float(row["alpha"])) for table in metrics for row in table)
    labels = ("success", "grain size [mm]", "alpha")[: 3 if taught else 2]
    figure, axes = plt.subplots(len(labels), 1, figsize=(8, 3 * len(labels)), sharex=True)
    names = list(dict.fromkeys(variant.name for variant, _, _ in runs))
    for (variant, seed, folder), table in zip(runs, metrics):
        clock = "cpu_seconds" if folder.config().env.device == "cpu" else "seconds"
        minutes = [float(row[clock]) / 60 for row in table]
        style: Dict[str, Any] = {"color": f"C{names.index(variant.name)}", "alpha": 0.8, "linewidth": 1}
        first = seed == min(s for v, s, _ in runs if v.name == variant.name)
        axes[0].plot(minutes, [float(row["success"]) for row in table], label=variant.name if first else None, **style)
        axes[1].plot(minutes, [1000 * float(row["delta"]) for row in table], drawstyle="steps-post", **style)
        if taught:
            axes[2].plot(minutes, [float(row["alpha"]) for row in table], **style)
    for axis, label in zip(axes, labels):
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel("minutes (on a CPU, of processor time)")
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
