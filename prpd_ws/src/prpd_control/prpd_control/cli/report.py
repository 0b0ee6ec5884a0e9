"""Write the report of a batch: one self-contained HTML page, and a PDF if asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Args:
    """From the ledger of `prpd trials` or `prpd demo`."""

    ledger: Path = Path("trials/ledger.sqlite")
    """The ledger's file."""
    batch: int | None = None
    """Number of the batch; the last one by default."""
    folder: Path | None = None
    """Where the report goes; beside the ledger by default."""
    pdf: bool = False
    """Write report.pdf too."""
    videos: bool = False
    """Write a film of each recorded trial too, into videos/."""


def main(argv: list[str]) -> int:
    """Entry point of `prpd report`."""
    args = tyro.cli(Args, args=argv, prog="prpd report", description=__doc__)
    from prpd_control.report.build import build_report

    folder = args.folder or args.ledger.parent
    print(build_report(args.ledger, batch=args.batch, folder=folder, pdf=args.pdf, videos=args.videos))
    return 0
