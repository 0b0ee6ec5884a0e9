"""What this machine does to a program that must be on time: one loop, alone, at real-time priority.

    python benchmarks/machine.py            # with nothing else at work; then the same beside what shall run there

Each turn begins on a steady beat and computes what takes some 0.25 ms. On a machine fit for driving an arm all turns
begin in time and take equally long. Where they do not, nothing that runs there can be better, and the figures of the
other benchmarks hold that too.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from circumstances import circumstances

from prpd_task.scheduling import be_real_time

PERIOD = 0.002
"""s, as at 500 Hz."""
COUNT = 5000
"""Additions in a turn."""
SLOW = 3.0
"""Times the median, from which a turn is called slow."""
LATE_BOUND, SLOW_BOUND = 1e-3, 1e-3
"""s, by which a turn may begin late at the 99.9th percentile; share of turns that may be slow."""


@dataclass(frozen=True)
class Args:
    """Measure the machine itself."""

    seconds: float = 60.0
    """For which the loop runs."""
    quick: bool = False
    """10 s."""
    json: Path | None = None
    """Write the figures there."""


@dataclass(frozen=True)
class Figures:
    """Times in s."""

    real_time: bool
    """Whether the system granted the priority."""
    turns: int
    late_p99: float
    late_p999: float
    late_max: float
    turn_p50: float
    turn_p99: float
    turn_p999: float
    turn_max: float
    slow_share: float
    """Of turns that took more than `SLOW` times the median."""
    slow_moments: int
    """Uninterrupted, but for 0.1 s, rows of them."""


def run(seconds: float) -> Figures:
    """Keep the beat for so long."""
    real_time = be_real_time(20)
    turns = int(seconds / PERIOD)
    late, took = np.zeros(turns), np.zeros(turns)
    start = time.perf_counter() + PERIOD
    for i in range(turns):
        due = start + i * PERIOD
        time.sleep(max(due - time.perf_counter(), 0.0))
        began = time.perf_counter()
        total = 0
        for j in range(COUNT):
            total += j
        late[i], took[i] = max(began - due, 0.0), time.perf_counter() - began
    return figures(late, took, real_time=real_time)


def figures(late: np.ndarray, took: np.ndarray, *, real_time: bool) -> Figures:
    """From how late each turn began, and how long it took."""
    slow = np.flatnonzero(took > SLOW * np.median(took))
    moments = int((np.diff(slow) * PERIOD > 0.1).sum()) + 1 if len(slow) else 0
    return Figures(
        real_time=real_time,
        turns=len(took),
        late_p99=float(np.quantile(late, 0.99)),
        late_p999=float(np.quantile(late, 0.999)),
        late_max=float(late.max()),
        turn_p50=float(np.median(took)),
        turn_p99=float(np.quantile(took, 0.99)),
        turn_p999=float(np.quantile(took, 0.999)),
        turn_max=float(took.max()),
        slow_share=len(slow) / len(took),
        slow_moments=moments,
    )


def main(args: Args) -> int:
    """Print what was seen; the exit status tells whether the machine is fit."""
    seen = run(10.0 if args.quick else args.seconds)
    ms = {name: value * 1e3 for name, value in asdict(seen).items() if name.startswith(("late", "turn_"))}
    print(f"real-time priority     {'granted' if seen.real_time else 'NOT granted'}")
    print(f"late, p99 / p99.9 / max    {ms['late_p99']:.2f} / {ms['late_p999']:.2f} / {ms['late_max']:.2f} ms")
    times = " / ".join(f"{ms[f'turn_{q}']:.2f}" for q in ("p50", "p99", "p999", "max"))
    print(f"a turn takes, p50 / p99 / p99.9 / max    {times} ms")
    print(f"turns slower than {SLOW:g} times the median    {seen.slow_share:.2%}, in {seen.slow_moments} moments")
    if args.json:
        args.json.write_text(json.dumps({"when": circumstances(), **asdict(seen)}, indent=1) + "\n")
    wrong = []
    if seen.late_p999 > LATE_BOUND:
        wrong.append(f"a turn in a thousand begins {ms['late_p999']:.2f} ms late, bound {LATE_BOUND * 1e3:g} ms")
    if seen.slow_share > SLOW_BOUND:
        wrong.append(f"{seen.slow_share:.2%} of the turns are slow, bound {SLOW_BOUND:.2%}")
    print(f"NOT FIT: {'; '.join(wrong)}" if wrong else "fit: turns begin in time and take equally long")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Args)))
