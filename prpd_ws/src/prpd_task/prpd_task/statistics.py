"""What a number of trials says of a success rate, in simulation and on the robot alike."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Tuple


def wilson_interval(successes: int, trials: int, *, confidence: float = 0.95) -> Tuple[float, float]:
    """Bounds of a success probability (Wilson's score interval): honest for few trials and near 0 and 1.

    No trials say nothing: (0, 1).
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials cannot be")
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    # At the ends the formula gives exactly 0 and 1 but for rounding.
    low = 0.0 if successes == 0 else centre - half
    return low, 1.0 if successes == trials else centre + half
