"""Break the bucket driver in every way that we know, and measure what happens.

    python benchmarks/fault_matrix.py --quick                            # each case once
    python benchmarks/fault_matrix.py --json faults.json                 # each case 20 times
    python benchmarks/fault_matrix.py --json faults.json --docs docs/safety.md   # and write its table there
    python benchmarks/fault_matrix.py --only nan_command emergency_stop

For each case: the time from the fault to standstill, the way travelled meanwhile, what the operator is told, and
whether the way to go on works (a person's part is played by the emulated pendant). Times are those of the emulated
controller. A silent sender is at fault from the moment at which its next message is due.

Each repetition is written to the file at once, and what is in the file already is not done again: a run that was
interrupted goes on. Delete the file to measure anew.
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from circumstances import circumstances, replace_between
from fault_cases import CASES, DIG, DRIVER, LEAST_SPEED, SIM_TIME, Case, Outcome, open_rig, run_case

TIME_LIMIT, WAY_LIMIT = 0.100, 0.020
"""s and m, from fault to standstill."""
MOST_FAILURES = 5
"""Of the rig, not of the driver, in one run."""


def judge(
    case: Case, outcomes: list[Outcome], *, time_limit: float = TIME_LIMIT, way_limit: float = WAY_LIMIT
) -> list[str]:
    """What is wrong with a case's outcomes."""
    wrong = [f"told {o.told!r}, not one of {case.told}" for o in outcomes if not o.right]
    wrong += [f"cannot go on: {o.goes_on}" for o in outcomes if o.goes_on]
    if case.watched and outcomes:
        wrong += ["never stood still" for o in outcomes if o.time is None]
        wrong += ["was not in motion" for o in outcomes if o.speed < LEAST_SPEED]
        times = [o.time for o in outcomes if o.time is not None]
        if times and np.quantile(times, 0.99) > time_limit:
            wrong.append(f"p99 {np.quantile(times, 0.99) * 1e3:.0f} ms to standstill")
        if max(o.way for o in outcomes) > way_limit:
            wrong.append(f"{max(o.way for o in outcomes) * 1e3:.1f} mm travelled")
    return wrong


class Record:
    """Outcomes by case, in memory and, where there is a path, in a file that is always complete."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.outcomes: dict[str, list[Outcome]] = {case.name: [] for case in CASES}
        self.runs: list[str] = []
        if path is not None and path.exists():
            content = json.loads(path.read_text())
            self.runs = content["runs"]
            for values in content["outcomes"]:
                if values["case"] in self.outcomes:
                    self.add(Outcome(**values), write=False)

    def add(self, outcome: Outcome, *, write: bool = True) -> None:
        """One more repetition."""
        self.outcomes[outcome.case].append(outcome)
        if self._path is not None and write:
            every = [asdict(o) for group in self.outcomes.values() for o in group]
            fresh = self._path.with_suffix(".part")
            fresh.write_text(json.dumps({"runs": self.runs, "outcomes": every}, indent=1) + "\n")
            fresh.replace(self._path)


@dataclass(frozen=True)
class Args:
    """Break the bucket driver and measure what happens."""

    repetitions: int = 20
    """Of each case, with those in the file."""
    quick: bool = False
    """One repetition."""
    only: tuple[str, ...] = ()
    """Names of cases; all by default."""
    address: str = "127.0.5.1"
    """Loopback address of the emulated controller."""
    domain: int = 75
    """ROS domain."""
    seed: int = 0
    turn_rate: float = 0.0
    """rad/s, of the bucket while it moves (but not where a policy moves it); the file is for one rate."""
    json: Path | None = None
    """All outcomes, read and written there."""
    docs: Path | None = None
    """Markdown file whose table is replaced."""


def measure(args: Args, chosen: list[Case], record: Record) -> None:
    """Fill the record up; with a new rig where one has come to its end."""
    wanted, failures = 1 if args.quick else args.repetitions, 0
    for kind in (DRIVER, SIM_TIME, DIG):
        while cases := [case for case in chosen if case.rig == kind and len(record.outcomes[case.name]) < wanted]:
            try:
                with open_rig(kind, args.address, domain=args.domain) as rig:
                    rig.turn_rate = args.turn_rate
                    for case in cases:
                        for i in range(len(record.outcomes[case.name]), wanted):
                            record.add(run_case(rig, case, random.Random(f"{args.seed} {case.name} {i}")))
                        print(_row(case, record.outcomes[case.name]), flush=True)
            except RuntimeError as error:
                failures += 1
                print(f"begun anew after: {error}", file=sys.stderr)
                if failures == MOST_FAILURES:
                    raise


def _figures(outcomes: list[Outcome]) -> tuple[str, str] | None:
    times = [o.time * 1e3 for o in outcomes if o.time is not None]
    if not times:
        return None
    return (
        f"{np.median(times):.0f} / {np.quantile(times, 0.99):.0f} / {max(times):.0f}",
        f"{max(o.way for o in outcomes) * 1e3:.1f}",
    )


def _row(case: Case, outcomes: list[Outcome]) -> str:
    figures = _figures(outcomes)
    text = f"{figures[0]} ms, {figures[1]} mm" if figures else "goes on" if not case.told else "no arm to watch"
    verdict = "; ".join(sorted(set(judge(case, outcomes)))) or "ok"
    return f"{case.name:18s} n={len(outcomes):2d}  {text:28s} {verdict:20s} {outcomes[-1].told}"


def table(record: Record) -> str:
    """For people, in Markdown."""
    lines = ["| case | n | ms | mm | the operator is told |", "|---|---|---|---|---|"]
    for case in CASES:
        outcomes = record.outcomes[case.name]
        if not outcomes:
            lines.append(f"| {case.what} | 0 | not measured | | |")
            continue
        ms, mm = _figures(outcomes) or ("goes on" if not case.told else "no arm to watch", "")
        codes = sorted({o.told.split(":")[0] for o in outcomes} - {""})
        told = ", ".join(f"`{code}`" for code in codes) or ("nothing" if not case.told else "its process is gone")
        lines.append(f"| {case.what} | {len(outcomes)} | {ms} | {mm} | {told} |")
    runs = "\n".join(f"* {run}" for run in record.runs)
    again = sum(o.attempts - 1 for group in record.outcomes.values() for o in group)
    busy = f"{again} further attempts said nothing: the machine was too busy for the arm, its controller or the driver."
    figures = "Median, 99th percentile and longest time to standstill; longest way."
    return "\n".join(lines) + f"\n\n{figures} {busy}\n\n{runs}\n"


def reached(chosen: list[Case], record: Record, failed: Collection[str]) -> str:
    """The result in one line."""
    groups = [record.outcomes[case.name] for case in chosen]
    watched = [group for case, group in zip(chosen, groups) if case.watched and group]
    times = [np.quantile([math.inf if o.time is None else o.time for o in group], 0.99) for group in watched]
    slowest, longest = max(times, default=0.0), max((o.way for group in watched for o in group), default=0.0)
    verdict = f"FAILED: {', '.join(failed)}; of" if failed else "all hold of"
    return (
        f"{verdict} {len(chosen)} cases, {min(map(len, groups))} or more times each; p99 {slowest * 1e3:.0f} ms "
        f"(bound {TIME_LIMIT * 1e3:.0f}), longest way {longest * 1e3:.1f} mm (bound {WAY_LIMIT * 1e3:.0f})"
    )


def main(args: Args) -> int:
    """Print a table; the exit status tells whether all cases held."""
    unknown = set(args.only) - {case.name for case in CASES}
    if unknown:
        print(f"unknown cases {sorted(unknown)}; there are {', '.join(case.name for case in CASES)}", file=sys.stderr)
        return 2
    chosen = [case for case in CASES if not args.only or case.name in args.only]
    record = Record(args.json)
    record.runs.append(circumstances(seed=args.seed, **({"turning at": args.turn_rate} if args.turn_rate else {})))
    print("p50 / p99 / longest time to standstill, longest way")
    measure(args, chosen, record)
    if args.docs is not None:
        replace_between(args.docs, "fault matrix", table(record))
    failed = {case.name: wrong for case in chosen if (wrong := judge(case, record.outcomes[case.name]))}
    for name, wrong in failed.items():
        print(f"{name}: {'; '.join(sorted(set(wrong)))}", file=sys.stderr)
    print(reached(chosen, record, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Args)))
