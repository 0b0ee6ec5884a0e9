"""`prpd study`: the paper's experiments, as families of runs over several seeds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence, Tuple

import tyro


@dataclass(frozen=True)
class Arguments:
    """Run a study, or go on with it, and write its table, numbers and figure."""

    study: tyro.conf.Positional[str]
    """`alpha`, `baseline`, `interval`, `map` (every interval with every target), `randomisation`, `resolution`,
    `target` or `weights`."""
    preset: str = "cpu"
    """Settings that the variants start from, as of `prpd train`."""
    scene: str = "paper"
    seeds: Tuple[int, ...] = (0, 1, 2)
    only: Tuple[str, ...] = ()
    """Names of variants; default all."""
    out: Optional[Path] = None
    """Default runs/study-STUDY-PRESET; a folder that exists is gone on with."""
    cpus_per_run: float = 1.0
    """How many cores Ray books for a run."""
    report: bool = False
    """Run nothing; report on what is there."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Entry point of `prpd study`."""
    arguments = tyro.cli(Arguments, args=argv, prog="prpd study")

    from prpd_task.errors import UserError
    from prpd_train.runs.config import presets, with_scene
    from prpd_train.study.heat_map import heat_map
    from prpd_train.study.report import markdown, plot, rows, write_csv
    from prpd_train.study.run import finished, run_study
    from prpd_train.study.variants import variants

    table = presets()
    if arguments.preset not in table:
        raise UserError(f"preset {arguments.preset!r} is not known; choose one of {', '.join(table)}")
    settings = variants(arguments.study, with_scene(table[arguments.preset], arguments.scene))
    names = [variant.name for variant in settings]
    unknown = sorted(set(arguments.only) - set(names))
    if unknown:
        raise UserError(f"study {arguments.study!r} has no variant {', '.join(unknown)}; it has {', '.join(names)}")
    settings = [variant for variant in settings if not arguments.only or variant.name in arguments.only]
    out = arguments.out or Path("runs") / f"study-{arguments.study}-{arguments.preset}"
    failed = {} if arguments.report else run_study(out, settings, arguments.seeds, cpus_per_run=arguments.cpus_per_run)
    runs = finished(out, settings, arguments.seeds)
    if not runs:
        raise UserError(f"{out} has no run with a finished stage yet")
    found = rows(runs)
    write_csv(found, out / "runs.csv")
    (out / "table.md").write_text(markdown(found))
    plot(runs, out / "curves.png")
    figures = "curves.png"
    if arguments.study == "map":
        heat_map(runs, out / "map.png")
        figures += ", map.png"
    print(markdown(found), end="")
    print(f"\n{out}/table.md, runs.csv, {figures}")
    for path, error in failed.items():
        print(f"failed: {path}: {error}")
    return 1 if failed else 0
