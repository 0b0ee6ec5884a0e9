"""Metrics of a run: one CSV for all stages, and TensorBoard."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Dict, List, Mapping

COLUMNS = [
    "stage",
    "delta",
    "iteration",
    "samples",
    "seconds",
    "simulation_seconds",
    "cpu_seconds",
    "success",
    "episodes",
    "length",
    "episode_return",
    "alpha",
    "kl",
    "kl_coefficient",
    "entropy",
    "policy_loss",
    "value_loss",
    "q_loss",
    "transfer_loss",
    "clip_fraction",
    "explained_variance",
]
"""`samples` and the seconds are of the whole run so far, so that curves of several stages join."""


class Metrics:
    """Appends rows; rows that a crash left beyond the last checkpoint are dropped when a stage is resumed."""

    def __init__(self, folder: Path, *, stage: int, iteration: int) -> None:
        self._path = folder / "metrics.csv"
        rows = [row for row in read_metrics(folder) if _before(row, stage, iteration)]
        with open(self._path, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        self.last: Dict[str, float] = {k: float(v) for k, v in rows[-1].items()} if rows else {}
        self._board = _tensorboard(folder / "tensorboard")

    def add(self, row: Mapping[str, float]) -> None:
        """One iteration."""
        with open(self._path, "a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)
        if self._board is not None:
            for name, value in row.items():
                if value == value:
                    self._board.add_scalar(f"train/{name}", value, int(row["samples"]))

    def close(self) -> None:
        """Flush."""
        if self._board is not None:
            self._board.close()


def read_metrics(folder: Path) -> List[Dict[str, str]]:
    """Rows of a run's CSV; a last line that a crash cut short is left out."""
    path = folder / "metrics.csv"
    if not path.exists():
        return []
    with open(path, newline="") as file:
        return [row for row in csv.DictReader(file) if all(row.get(name) not in (None, "") for name in COLUMNS)]


def _before(row: Mapping[str, str], stage: int, iteration: int) -> bool:
    return (int(row["stage"]), int(row["iteration"])) < (stage, iteration)


def _tensorboard(path: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # the CSV has everything
        return None
    return SummaryWriter(str(path))
