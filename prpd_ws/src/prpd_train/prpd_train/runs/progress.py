"""The progress bar of a stage."""

from __future__ import annotations

from collections import deque
from typing import Deque, Mapping, Optional, Tuple

from prpd_train.schedule.config import ScheduleConfig


class Progress:
    """Stage, grain size, success, alpha, steps per second and time left, on one line of the terminal."""

    def __init__(self, index: int, delta: float, schedule: ScheduleConfig, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        self._target, self._cap = schedule.target(delta), schedule.max_iterations
        self._trend: Deque[Tuple[int, float, float]] = deque(maxlen=20)
        columns = (TextColumn("{task.description}"), BarColumn(20), TextColumn("{task.fields[state]}"))
        self._bar = Bar(*columns, console=Console(stderr=True), disable=quiet)
        self._task = self._bar.add_task(f"stage {index} ({delta * 1000:.4g} mm)", total=1.0, state="starting")
        self._bar.start()
        self._last: Optional[Tuple[float, float]] = None

    def show(self, row: Mapping[str, float]) -> None:
        """After an iteration."""
        speed = 0.0
        if self._last is not None and row["seconds"] > self._last[1]:
            speed = (row["samples"] - self._last[0]) / (row["seconds"] - self._last[1])
        self._last = (row["samples"], row["seconds"])
        self._trend.append((int(row["iteration"]), row["seconds"], row["success"]))
        left = seconds_left(self._trend, target=self._target, cap=self._cap)
        parts = [f"success {row['success']:.3f} of {row['episodes']:.0f}", f"{speed:.0f} steps/s"]
        if row["alpha"] == row["alpha"]:
            parts.insert(1, f"alpha {row['alpha']:.2f}")
        if left is not None:
            parts.append(f"about {_clock(left)} left")
        share = row["success"] / self._target if row["success"] == row["success"] else 0.0
        self._bar.update(self._task, completed=min(share, 1.0), state=", ".join(parts))

    def say(self, what: str) -> None:
        """Above the bar, and lasting."""
        self._bar.console.print(what)

    def close(self) -> None:
        """Leave the last line standing."""
        self._bar.stop()


def seconds_left(trend: Deque[Tuple[int, float, float]], *, target: float, cap: int) -> Optional[float]:
    """Until the stage ends, s: the recent trend (iteration, seconds, success) continued to target or cap."""
    if len(trend) < 2 or trend[-1][0] == trend[0][0]:
        return None
    (first, began, before), (last, now, success) = trend[0], trend[-1]
    per_iteration = (now - began) / (last - first)
    iterations = float(cap - last - 1)
    gain = (success - before) / (last - first)
    if gain > 1e-4:
        iterations = min(iterations, max(target - success, 0.0) / gain)
    return per_iteration * max(iterations, 0.0)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
