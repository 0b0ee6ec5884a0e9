"""Films of a run: one episode of the policy of each stage, on the stage's own grains.

Run as `python -m prpd_train.view.stages RUN INDEX...`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Optional

from prpd_train.export.run_policy import load_trained
from prpd_train.runs.folder import RunFolder
from prpd_train.view.episodes import NEAR, play
from prpd_train.view.film import write_film
from prpd_train.view.picture import draw


def film(folder: RunFolder, index: int) -> None:
    """Draw one episode, of a scene that no stage has seen."""
    trained, path = load_trained(folder.path, stage=index), folder.film(folder.results()[index])
    seed = (trained.config.seed + 1) * 1009 - 1
    here = replace(trained.config.env, device="cpu")  # A run may be looked at where it was not trained.
    (episode,) = play(trained.act, here, delta=trained.delta, episodes=1, seed=seed)
    unfinished = path.with_name(f"unfinished_{path.name}")
    write_film(unfinished, [draw(episode.spec, snapshot, NEAR) for snapshot in episode.snapshots])
    unfinished.replace(path)


def main(argv: Optional[list[str]] = None) -> int:
    """Film the stages given."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) < 2:
        print("usage: python -m prpd_train.view.stages RUN INDEX...", file=sys.stderr)
        return 2
    folder = RunFolder.open(Path(arguments[0]))
    for index in arguments[1:]:
        film(folder, int(index))
    return 0


if __name__ == "__main__":
    sys.exit(main())
