"""Dig on the twin, once in each of the nine environments, and show what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from prpd_control.graph.checks import refuse_impossible_policies
from prpd_control.graph.description import NINE_ENVIRONMENTS, TrialOptions


@dataclass(frozen=True)
class Args:
    """Emulated UR5e, simulated soil, virtual depth camera; everything else is what runs on a robot."""

    trials: int = 1
    """In each environment."""
    environments: tuple[str, ...] = ()
    """By name; empty: all nine (`prpd trials --list-environments`)."""
    policy: str = ""
    """ONNX file; empty: the one that comes with the product."""
    seed: int = 0
    """Of the soils and of their order."""
    folder: str = ""
    """For ledger, recordings and report; empty: a new one in trials/."""
    viewer: bool = False
    """Watch in the browser."""
    json: Path | None = None
    """File for the numbers of the report."""


def main(argv: list[str]) -> int:
    """Entry point of `prpd demo`."""
    args = tyro.cli(Args, args=argv, prog="prpd demo", description=__doc__)
    from prpd_control.cli.batch_run import run
    from prpd_control.trials.batch import Batch, BatchError, load
    from prpd_control.trials.node import known_environments

    known = known_environments(twin=True) or []
    unknown = sorted(set(args.environments) - set(known))
    if unknown:
        raise BatchError(f"unknown environments {', '.join(unknown)}; known are {', '.join(known)}")
    nine = load(NINE_ENVIRONMENTS, known_environments=known)
    batch = Batch(
        "demo",
        args.environments or nine.environments,
        policies=(args.policy,),
        repetitions=args.trials,
        order="listed",
        seed=args.seed,
        timeout=nine.timeout,
    )
    folder = args.folder or time.strftime("trials/demo_%Y%m%d_%H%M%S")
    options = TrialOptions(twin=True, folder=folder, viewer=args.viewer, policy=args.policy)
    refuse_impossible_policies(options, batch)
    return run(options, batch, json_path=args.json)
