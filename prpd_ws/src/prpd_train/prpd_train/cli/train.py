"""`prpd train`: learn a policy by progressive-resolution policy distillation."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import List, Optional, Sequence

import tyro
from typing_extensions import Annotated

from prpd_task.errors import UserError
from prpd_train.runs.config import TrainConfig, presets, with_scene, without_randomisation


@dataclass(frozen=True)
class Arguments:
    """Learn to dig rocks out, from coarse grains to fine ones."""

    preset: str = "cpu"
    """`smoke` (proves the pipeline), `cpu` (two cores) or `paper` (the paper's sizes). Other options change it."""
    scene: str = "paper"
    """`paper` (the bucket passes through soil) or `solid` (it feels the soil)."""
    randomise: bool = True
    """Domain randomisation; off for comparison."""
    out: Optional[Path] = None
    """Folder of the run; default runs/PRESET-SCENE-DATE."""
    resume: Optional[Path] = None
    """Go on with the run in this folder; its own settings hold."""
    quiet: bool = False
    """No progress bar."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Entry point of `prpd train`."""
    arguments: List[str] = list(sys.argv[1:] if argv is None else argv)
    try:
        default = Arguments(config=_preset(arguments))
        chosen = tyro.cli(Arguments, args=arguments, default=default, prog="prpd train")
    except ValueError as error:
        raise UserError(f"these settings cannot be: {error}") from error
    return _train(chosen)


def _preset(arguments: Sequence[str]) -> TrainConfig:
    """The settings that the other options start from."""
    import argparse

    early = argparse.ArgumentParser(add_help=False)
    early.add_argument("--preset", default="cpu")
    early.add_argument("--scene", default="paper")
    early.add_argument("--no-randomise", action="store_true")
    known, _ = early.parse_known_args(list(arguments))
    table = presets()
    if known.preset not in table:
        raise ValueError(f"preset {known.preset!r} is not known; choose one of {', '.join(table)}")
    config = with_scene(table[known.preset], known.scene)
    return without_randomisation(config) if known.no_randomise else config


def _train(arguments: Arguments) -> int:
    from prpd_train.runs.folder import RunFolder
    from prpd_train.runs.provenance import provenance
    from prpd_train.runs.train import train

    if arguments.resume is not None:
        folder = RunFolder.open(arguments.resume)
    else:
        out = arguments.out or Path("runs") / time.strftime(f"{arguments.preset}-{arguments.scene}-%Y%m%d-%H%M%S")
        folder = RunFolder.create(out, arguments.config, provenance())
    try:
        results = train(folder, quiet=arguments.quiet)
    except KeyboardInterrupt:
        print(f"\nprpd train: stopped; go on with `prpd train --resume {folder.path}`", file=sys.stderr)
        return 130
    for r in results:
        state = "" if r.reached else "  (below the target)"
        print(
            f"stage {r.index}: {r.delta * 1000:5.4g} mm  success {r.success:.3f}{state}  "
            f"{r.samples:,} samples  {r.seconds:.0f} s so far"
        )
    print(f"run: {folder.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
