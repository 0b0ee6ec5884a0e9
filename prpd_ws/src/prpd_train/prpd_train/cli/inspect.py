"""`prpd inspect`: print what a policy file promises and demands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

import tyro


@dataclass(frozen=True)
class Arguments:
    """The contract inside an ONNX policy, as a person reads it."""

    policy: tyro.conf.Positional[Path]
    """File made by `prpd export`."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Entry point of `prpd inspect`."""
    arguments = tyro.cli(Arguments, args=argv, prog="prpd inspect")

    from prpd_train.export.read import describe, read_contract

    print(describe(read_contract(arguments.policy)))
    return 0
