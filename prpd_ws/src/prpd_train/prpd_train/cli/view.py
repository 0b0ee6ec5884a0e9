"""`prpd view`: pictures and films of digs, at any grain size, in any engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

import tyro


@dataclass(frozen=True)
class Arguments:
    """Dig, and draw it."""

    what: tyro.conf.Positional[str]
    """`scene`: one dig by a hand-written rule, stills at the start, at contact and lifted, and a film. `strip`: such
    stills at each of `--deltas`, in one picture. `episodes`: digs of `--policy`, without verdict, to be judged by eye;
    what the rule of success says is in `verdicts.csv`."""
    delta: float = 20.0
    """mm, grain size of a scene or of episodes."""
    deltas: tuple[float, ...] = (70.0, 50.0, 30.0, 10.0)
    """mm, grain sizes of a strip."""
    engine: str = "warp"
    preset: str = "paper"
    """`paper` or `solid`."""
    rock: str = "cube"
    """`cube`, `plate` or `natural`."""
    seed: int = 0
    randomise: bool = False
    """Draw scenes from the domain randomisation; in episodes, delays and errors of measurement too."""
    policy: Path = Path("policies/paper.onnx")
    """Of episodes: an ONNX file, or the folder of a run."""
    episodes: int = 10
    """How many of them."""
    output: Path = Path("view")
    """Folder for the files."""
    film: str = "gif"
    """`gif`, `mp4` or `none`."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Entry point of `prpd view`."""
    arguments = tyro.cli(Arguments, args=argv, prog="prpd view")

    from prpd_task.errors import UserError
    from prpd_train.view.dig import save_scene, save_strip

    savers = {"scene": save_scene, "strip": save_strip, "episodes": _save_episodes}
    if arguments.what not in savers or arguments.film not in ("gif", "mp4", "none"):
        raise UserError(f"say `prpd view` and one of {', '.join(savers)}, and a film of `gif`, `mp4` or `none`")
    try:
        paths = savers[arguments.what](arguments)
    except (ValueError, RuntimeError) as error:
        raise UserError(str(error)) from error
    for path in paths:
        print(path)
    return 0


def _save_episodes(arguments: Arguments) -> List[Path]:
    from prpd_task.errors import UserError
    from prpd_train.evaluate.matrix import environment, subjects
    from prpd_train.view.episodes import play, save_sheet

    if arguments.episodes < 1:
        raise UserError(f"--episodes must be at least 1, not {arguments.episodes}")
    subject = subjects(arguments.policy)[-1]
    config = environment(
        subject.contract, engine=arguments.engine, randomised=arguments.randomise, rocks=(arguments.rock,)
    )
    delta = arguments.delta / 1000
    episodes = play(subject.act, config, delta=delta, episodes=arguments.episodes, seed=arguments.seed)
    return save_sheet(arguments.output, episodes, subject.contract.task)
