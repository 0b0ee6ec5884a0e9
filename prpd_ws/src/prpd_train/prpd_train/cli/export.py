"""`prpd export`: write a trained policy as one ONNX file that carries its contract."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

import tyro


@dataclass(frozen=True)
class Arguments:
    """From a run's last stage to an ONNX file, proved against torch on 10,000 states."""

    run: tyro.conf.Positional[Path]
    """The run's folder."""
    out: Optional[Path] = None
    """The file to write; default policy.onnx in the run's folder."""
    stage: Optional[int] = None
    """Index of the stage; default the last finished one."""
    evaluation: Optional[Path] = None
    """Table of `prpd evaluate --csv`, for the model card."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Entry point of `prpd export`."""
    arguments = tyro.cli(Arguments, args=argv, prog="prpd export")

    from prpd_train.export.card import model_card, read_evaluation
    from prpd_train.export.onnx_file import ROUND_TRIP_STATES, export
    from prpd_train.export.run_policy import load_trained
    from prpd_train.runs.files import write_atomically

    trained = load_trained(arguments.run, stage=arguments.stage)
    out = arguments.out or arguments.run / "policy.onnx"
    difference = export(trained.network, trained.contract, out)
    print(f"{out}: policy of {trained.delta * 1000:.4g} mm grains")
    print(f"onnxruntime and torch differ by at most {difference:.1e} on {ROUND_TRIP_STATES:,} states")
    rows = read_evaluation(arguments.evaluation) if arguments.evaluation else []
    card = model_card(out.stem, trained.contract, rows)
    write_atomically(out.with_suffix(".md"), card.encode())
    print(f"{out.with_suffix('.json')}: its contract; {out.with_suffix('.md')}: its model card")
    return 0
