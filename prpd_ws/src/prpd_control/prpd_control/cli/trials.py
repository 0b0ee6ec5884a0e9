"""Run a batch of trials, on the robot (asking the person beside it) or on the twin, and report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from prpd_control.graph.checks import refuse_impossible_batch
from prpd_control.graph.description import TrialOptions


@dataclass(frozen=True)
class Args(TrialOptions):
    """An interrupted batch is gone on with by the same command."""

    json: Path | None = None
    """File for the numbers of the report."""
    list_environments: bool = False
    """List the environments of the twin, and end."""


def main(argv: list[str]) -> int:
    """Entry point of `prpd trials`."""
    if "--list-environments" in argv:
        return _list()
    args = tyro.cli(Args, args=argv, prog="prpd trials", description=__doc__)
    from prpd_control.cli.batch_run import run

    return run(args, refuse_impossible_batch(args), json_path=args.json)


def _list() -> int:
    from prpd_twin.soil_world.environment import load, names

    for name in names():
        print(f"{name:<16} {load(name).description}")
    return 0
