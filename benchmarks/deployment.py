"""How quick the deployed graph was while it dug: from a batch's ledger, and from its recordings where there are any.

    prpd trials --twin                                                # or `prpd demo`, on the machine in question
    python benchmarks/deployment.py --ledger trials/ledger.sqlite     # then this

The age of an observation is the time from the image's stamp to the command that acts on it. It holds the camera, the
perception, and the wait for the policy's next period; the recordings tell the first two apart from the rest.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tyro
from circumstances import circumstances, replace_between
from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory

from prpd_control.trials.ledger import Ledger, LedgerError, Trial
from prpd_control.trials.summary import Latency, latency

BOUNDS = {"inference_p99": 1e-3, "observation_age_p99": 0.1, "period_jitter_p99": 5e-3}
"""s."""
STAGES = {"/camera/depth/camera_info": "stamp to image", "/rock/state": "stamp to rock state"}
"""Topics of a recording whose messages bear the image's stamp."""
STEPS = "/policy/status"


@dataclass(frozen=True)
class Args:
    """Measure the timing of a batch of trials."""

    ledger: Path = Path("trials/ledger.sqlite")
    """Of the batch."""
    batch: int | None = None
    """Number of the batch; the last one by default."""
    quick: bool = False
    """Leave the recordings out."""
    json: Path | None = None
    """Write the figures there."""
    docs: Path | None = None
    """Markdown file whose table is replaced."""


def stages(recordings: list[Path]) -> dict[str, list[float]]:
    """S from the stamp in a message to its arrival at the recorder, by stage, while the policy acted."""
    delays = defaultdict(list)
    for path in recordings:
        seen = arrivals(path)
        steps = [at for at, _ in seen.get(STEPS, [])]
        for topic, name in STAGES.items():
            delays[name] += [delay for at, delay in seen.get(topic, []) if steps and steps[0] <= at <= steps[-1]]
    return {name: group for name, group in delays.items() if group}


def arrivals(path: Path) -> dict[str, list[tuple[float, float]]]:
    """(s since 1970, s since the stamp) of each message, by topic."""
    found = defaultdict(list)
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        try:
            for _, channel, message, content in reader.iter_decoded_messages(topics=[*STAGES, STEPS]):
                stamp, at = content.header.stamp, 1e-9 * message.log_time
                found[channel.topic].append((at, at - stamp.sec - 1e-9 * stamp.nanosec))
        except McapError as error:
            print(f"{path} is read up to where it was cut off: {error}", file=sys.stderr)
    return found


def rows_of(times: Latency, delays: dict[str, list[float]]) -> list[tuple[str, str]]:
    """What was measured and how it came out, for people."""
    rows = [
        ("steps of the policy", f"{times.steps}"),
        ("inference, p99", f"{times.inference_p99 * 1e3:.2f} ms"),
        (
            "image to command, p50 / p99",
            f"{times.observation_age_p50 * 1e3:.0f} / {times.observation_age_p99 * 1e3:.0f} ms",
        ),
        ("policy's period, jitter p99", f"{times.period_jitter_p99 * 1e3:.1f} ms"),
    ]
    for name in STAGES.values():
        if name in delays:
            p50, p99 = (np.quantile(delays[name], q) * 1e3 for q in (0.5, 0.99))
            rows.append((f"{name}, p50 / p99", f"{p50:.0f} / {p99:.0f} ms"))
    return rows


def table(rows: list[tuple[str, str]], when: str) -> str:
    """The same in Markdown."""
    lines = ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join(lines) + f"\n\n{when}\n"


def read(args: Args) -> list[Trial]:
    """The trials of the batch."""
    try:
        with Ledger(args.ledger, writable=False) as ledger:
            numbers = [batch["id"] for batch in ledger.batches()]
            return ledger.trials(args.batch if args.batch is not None else max(numbers, default=0))
    except LedgerError as error:
        raise SystemExit(f"deployment.py: {error}") from error


def main(args: Args) -> int:
    """Print the figures; the exit status tells whether they hold."""
    trials = read(args)
    times = latency(trials)
    if times is None:
        print(f"FAILED: no trial of {args.ledger} has steps of a policy", file=sys.stderr)
        return 2
    paths = {args.ledger.parent / trial.recording for trial in trials if trial.recording}
    delays = {} if args.quick else stages(sorted(path for path in paths if path.is_file()))
    slowest = min((t.real_time_factor for t in trials if t.real_time_factor is not None), default=1.0)
    when = circumstances(trials=len(trials), slowest=f"{slowest:.3f} of real time")
    rows = rows_of(times, delays)
    print("\n".join(f"{name:55s} {value}" for name, value in rows))
    if args.json:
        args.json.write_text(json.dumps({"when": when, **asdict(times)}, indent=1) + "\n")
    if args.docs:
        replace_between(args.docs, "deployment", table(rows, when))
    wrong = [
        f"{name} {value * 1e3:.3g} ms is above {bound * 1e3:g} ms"
        for name, bound in BOUNDS.items()
        if not (value := getattr(times, name)) <= bound
    ]
    bounds = ", ".join(f"{name} {bound * 1e3:g} ms" for name, bound in BOUNDS.items())
    print(f"FAILED: {'; '.join(wrong)}" if wrong else f"all bounds hold: {bounds}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Args)))
