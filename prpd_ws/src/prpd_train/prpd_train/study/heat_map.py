"""A map of what a whole run costs: the step between grain sizes against the target success on the way."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any, DefaultDict, Dict, List, Tuple

import numpy as np

from prpd_train.study.report import Finished, rows


def heat_map(runs: Finished, path: Path) -> None:
    """Medians over the seeds of counted cost (the colour) and of processor time, and how many runs arrived."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    cells: DefaultDict[Tuple[float, float], List[Dict[str, Any]]] = defaultdict(list)
    for (variant, _, _), found in zip(runs, rows(runs)):
        schedule = variant.config.schedule
        cells[schedule.interval, schedule.coarse_target].append(found)
    intervals, targets = (sorted({cell[i] for cell in cells}) for i in (0, 1))
    cost = np.full((len(intervals), len(targets)), np.nan)
    figure, axis = plt.subplots(figsize=(1.6 * len(targets) + 2, 1.0 * len(intervals) + 1.5))
    for (interval, target), mine in cells.items():
        row, column = intervals.index(interval), targets.index(target)
        cost[row, column] = median(r["counted_cost"] for r in mine) / 1000
        seconds, arrived = median(r["cpu_seconds"] for r in mine), sum(r["reached"] for r in mine)
        text = f"{cost[row, column]:,.0f}\n{seconds:,.0f} s\n{arrived} of {len(mine)}"
        axis.text(column, row, text, ha="center", va="center", fontsize=9, bbox={"facecolor": "white", "alpha": 0.7})
    image = axis.imshow(cost, cmap="viridis_r", aspect="auto")
    axis.set_xticks(range(len(targets)), [f"{target:g}" for target in targets])
    axis.set_yticks(range(len(intervals)), [f"{1000 * interval:g}" for interval in intervals])
    axis.set_xlabel("target success of all stages but the last")
    axis.set_ylabel("step between grain sizes [mm]")
    figure.colorbar(image, label="counted cost, thousands")
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    plt.close(figure)
