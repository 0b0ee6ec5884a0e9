"""Bring up perception, policy and bucket driver, on the robot or on the twin, and dig."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from prpd_control.graph.checks import refuse_impossible
from prpd_control.graph.description import Options, excavation
from prpd_control.graph.launcher import running
from prpd_control.graph.reservation import reserve

if TYPE_CHECKING:
    from prpd_control.graph.supervisor import Supervisor


@dataclass(frozen=True)
class Args(Options):
    """Without --dig the graph serves `excavate` goals until Ctrl-C."""

    dig: bool = False
    """Dig once as soon as all is up, and end; the exit status is 0 if the rock was lifted."""
    hold: bool = False
    """Keep the rock in the bucket at the end of --dig."""


def main(argv: list[str]) -> int:
    """Entry point of `prpd excavate`."""
    args = tyro.cli(Args, args=argv, prog="prpd excavate", description=__doc__)
    refuse_impossible(args)
    with reserve(args, excavation) as place:
        return _serve(place.options, place.domain)


def _serve(args: Args, domain: int) -> int:
    from prpd_control.cli.signals import stop_request

    with stop_request() as stop, running(excavation(args), domain=domain) as supervisor:
        up = lambda: "bring_up" not in supervisor.pids  # noqa: E731 - a name for a condition
        ending = supervisor.wait(lambda: bool(stop) or up())
        if ending is None and not stop:
            print(f"ready in ROS domain {domain}; Ctrl-C ends it", flush=True)
            if args.dig:
                return _dig(args, supervisor, stop)
            ending = supervisor.wait(lambda: bool(stop))
        if ending is not None:
            print(f"prpd excavate: {ending.message}\nall other processes were stopped", file=sys.stderr)
            return 1
    return 0


def _dig(args: Args, supervisor: Supervisor, stop: object) -> int:
    from prpd_control.excavate.client import GoalRefusedError, excavate_once

    try:
        result = excavate_once(hold=args.hold, give_up=lambda: bool(stop) or supervisor.ending() is not None)
    except GoalRefusedError as error:
        print(f"prpd excavate: {error}", file=sys.stderr)
        return 1
    if result is None:
        ending = supervisor.ending()
        print(f"prpd excavate: {ending.message if ending else 'stopped on request'}", file=sys.stderr)
        return 1
    numbers = f"{result.steps} steps, {result.duration:.1f} s, {result.peak_force:.0f} N"
    print(f"{result.reason}: {result.message}; {numbers}")
    return int(result.outcome != result.OUTCOME_SUCCESS)
