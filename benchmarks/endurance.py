"""Many trials in a row through the whole graph on the twin: whether a process grows, and what is left behind.

    python benchmarks/endurance.py --quick                                # 3 trials, about a minute
    python benchmarks/endurance.py --json endurance.json                  # 200 trials, 30 to 40 minutes

Memory is what a process alone holds (USS), so that shared libraries and segments do not hide its growth. A process
leaks when it grows from the first quarter of the run, after a while in which it fills its caches, to the last one.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
import tyro
import yaml
from circumstances import circumstances

from prpd_control.trials.ledger import Ledger

GROWTH = 10e6
"""bytes, of a process from the first quarter of the run to the last."""
SETTLING, PERIOD = 60.0, 5.0
"""s, before the first sample that counts, and between samples."""
SEGMENTS = Path("/dev/shm")


@dataclass(frozen=True)
class Args:
    """Run many trials, and look for leaks and leftovers."""

    trials: int = 200
    quick: bool = False
    """3 trials, too few to judge growth by."""
    environments: tuple[str, ...] = ("cube_sand", "plate_gravel", "natural_deep")
    """Of the twin, in turn."""
    folder: Path | None = None
    """For ledger and recordings, which are kept; by default they are not."""
    json: Path | None = None
    """Write the figures there."""


@dataclass(frozen=True)
class Growth:
    """Of one process, between the first quarter of the run and the last."""

    name: str
    first: float
    """bytes."""
    last: float
    descriptors: int
    """More of them."""
    threads: int

    @property
    def leaks(self) -> bool:
        """Whether it holds more than it may."""
        return self.last - self.first > GROWTH or self.descriptors > 10 or self.threads > 5


def name_of(command: list[str]) -> str:
    """What a process of the graph is called."""
    line = " ".join(command)
    node = re.search(r"__node:=(\w+)", line)
    module = re.search(r"prpd_\w+(?:\.\w+)+", line.replace("prpd_control.graph.child", "")) or re.search(r"\S+$", line)
    return node[1] if node else module[0] if module else line


def sample(root: psutil.Process, seen: dict[str, list[tuple[float, int, int]]], ids: set[int]) -> None:
    """One more (bytes, file descriptors, threads) of each process of the run."""
    for process in [root, *root.children(recursive=True)]:
        try:
            name = name_of(process.cmdline())
            seen[name].append((process.memory_full_info().uss, process.num_fds(), process.num_threads()))
            ids.add(process.pid)
        except psutil.NoSuchProcess:
            continue


def growths(seen: dict[str, list[tuple[float, int, int]]]) -> list[Growth]:
    """Of every process that lived long enough to have a first and a last quarter."""
    found = []
    for name, samples in sorted(seen.items()):
        quarter = len(samples) // 4
        if quarter == 0:
            continue
        first, last = (np.median(part, axis=0) for part in (samples[:quarter], samples[-quarter:]))
        found.append(Growth(name, first[0], last[0], round(last[1] - first[1]), round(last[2] - first[2])))
    return found


def run(args: Args, folder: Path) -> tuple[list[Growth], int, list[str], list[str]]:
    """(growths, exit status, processes left behind, segments of shared memory left behind)."""
    count = 3 if args.quick else args.trials
    repetitions = -(-count // len(args.environments))
    batch = folder / "endurance.yaml"
    batch.write_text(yaml.safe_dump({"environments": list(args.environments), "repetitions": repetitions}))
    command = [
        sys.executable,
        "-m",
        "prpd_task.cli",
        "trials",
        "--twin",
        "--batch",
        str(batch),
        "--folder",
        str(folder),
    ]
    environment = {name: value for name, value in os.environ.items() if name != "ROS_DOMAIN_ID"}  # it takes a free one
    before, seen, ids = set(os.listdir(SEGMENTS)), defaultdict(list), set[int]()
    with subprocess.Popen(command, env=environment) as process:
        root, due = psutil.Process(process.pid), time.monotonic() + (5.0 if args.quick else SETTLING)
        try:
            while process.poll() is None:
                time.sleep(min(max(due - time.monotonic(), 0.0), 0.5))
                if time.monotonic() >= due and process.poll() is None:
                    sample(root, seen, ids)
                    due += PERIOD
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
    time.sleep(1.0)
    left = [f"{pid} {' '.join(psutil.Process(pid).cmdline())}" for pid in ids if psutil.pid_exists(pid)]
    litter = sorted(name for name in set(os.listdir(SEGMENTS)) - before if re.search("fast|prpd", name))
    return growths(seen), process.returncode, left, litter


def main(args: Args) -> int:
    """Print the figures; the exit status tells whether nothing grew and nothing was left."""
    when = circumstances()
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        found, status, left, litter = run(args, folder)
        with Ledger(folder / "ledger.sqlite", writable=False) as ledger:
            done = [trial for trial in ledger.trials() if trial.status == "done"]
    aborted = [trial for trial in done if trial.outcome == "aborted"]
    print(f"{'process':45s} {'first quarter':>14s} {'last quarter':>13s} {'growth':>9s}")
    for g in found:
        print(f"{g.name:45s} {g.first / 1e6:11.1f} MB {g.last / 1e6:10.1f} MB {(g.last - g.first) / 1e6:+6.1f} MB")
    if args.json:
        figures = {"processes": [asdict(g) for g in found], "trials": len(done), "status": status}
        args.json.write_text(json.dumps({"when": when, **figures, "left": left, "litter": litter}, indent=1) + "\n")
    wrong = [f"the batch ended with status {status}"] * (status != 0) + [f"{len(aborted)} trials aborted"] * bool(
        aborted
    )
    wrong += [f"{g.name} grew by {(g.last - g.first) / 1e6:.1f} MB" for g in found if g.leaks and not args.quick]
    wrong += [f"left behind: {text}" for text in left] + [f"{len(litter)} segments left in {SEGMENTS}"] * bool(litter)
    verdict = f"FAILED: {'; '.join(wrong)}" if wrong else "nothing grew, no process and no shared memory is left"
    print(f"{len(done)} trials, {sum(t.success for t in done)} excavated; {verdict}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Args)))
