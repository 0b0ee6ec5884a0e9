"""`prpd view`: pictures and films of a scripted dig, at any grain size, in any engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence

import tyro


@dataclass(frozen=True)
class Arguments:
    """Dig once by a hand-written rule, and draw it: stills at the start, at contact and lifted, and a film."""

    what: tyro.conf.Positional[str]
    """`scene`: one scene; `strip`: start, contact and lift at each of `--deltas`, in one picture."""
    delta: float = 20.0
    """mm, grain size of a scene."""
    deltas: tuple[float, ...] = (70.0, 50.0, 30.0, 10.0)
    """mm, grain sizes of a strip."""
    engine: str = "warp"
    preset: str = "paper"
    """`paper` or `solid`."""
    rock: str = "cube"
    """`cube`, `plate` or `natural`."""
    seed: int = 0
    randomise: bool = False
    """Draw the scene from the domain randomisation."""
    output: Path = Path("view")
    """Folder for the files."""
    film: str = "gif"
    """`gif`, `mp4` or `none`."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Entry point of `prpd view`."""
    arguments = tyro.cli(Arguments, args=argv, prog="prpd view")

    from prpd_task.errors import UserError
    from prpd_train.view.dig import save_scene, save_strip

    if arguments.what not in ("scene", "strip") or arguments.film not in ("gif", "mp4", "none"):
        raise UserError("say `prpd view scene` or `prpd view strip`, and a film of `gif`, `mp4` or `none`")
    try:
        save = save_scene if arguments.what == "scene" else save_strip
        paths = save(arguments)
    except (ValueError, RuntimeError) as error:
        raise UserError(str(error)) from error
    for path in paths:
        print(path)
    return 0
