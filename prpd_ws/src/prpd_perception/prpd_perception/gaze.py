"""Where to look in the next image: mostly at the rock that is followed, at times elsewhere.

A look at everything takes longest just where the policy waits for it: while the rock is lifted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prpd_perception.height_map import SOIL_GRID, Part
from prpd_perception.track import Track

ELSEWHERE = 4
"""Of so many looks, one is elsewhere..."""
QUARTERS = tuple(Part(row, column) for row in (0, 40) for column in (0, 40))
"""...at the next of these, which are all of the soil."""
PATIENCE = 0.5
"""s, from which on a rock that is not seen may be anywhere."""
CAUGHT = 0.9
"""Probability of a rock being in the lifted bowl from which on it is not looked for beside it."""


@dataclass(frozen=True)
class Look:
    """What of an image is looked at."""

    bowl: bool
    """The contents of a lifted bowl; if there are none, `part`."""
    part: Part | None
    """Of the soil's map; None: all of it."""


class Gaze:
    """Wanders over what there is to see."""

    def __init__(self) -> None:
        self._looks = 0

    def next(self, followed: Track | None, *, bucket_pose: np.ndarray | None, lifted: bool) -> Look:
        """The next look, with the bucket at `bucket_pose` (4,), `lifted` so that its bowl can be looked at, or away."""
        self._looks += 1
        turn = self._looks % 2 == 0
        if followed is None or not followed.confirmed or followed.unseen_for > PATIENCE:
            return Look(lifted and turn, None)
        round_, step = divmod(self._looks, ELSEWHERE)
        if step == 0:
            return Look(False, QUARTERS[round_ % len(QUARTERS)])
        if lifted and bucket_pose is not None:
            turn = not turn or followed.in_bowl(bucket_pose) > CAUGHT
        return Look(lifted and turn, around(followed.position))


def around(position: np.ndarray) -> Part:
    """The part of the soil's map whose middle is nearest to a position (3,) m."""
    last = (SOIL_GRID.cells - Part.cells) // Part.step
    first = position[:2] / SOIL_GRID.cell + (SOIL_GRID.cells - Part.cells) / 2
    column, row = (int(np.clip(round(v / Part.step), 0, last)) * Part.step for v in first)
    return Part(row, column)
