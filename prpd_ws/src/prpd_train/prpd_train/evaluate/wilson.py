"""Wilson's score interval: how sure one can be of a success rate."""

from __future__ import annotations

import math
from typing import Tuple


def wilson(successes: int, trials: int, *, z: float = 1.96) -> Tuple[float, float]:
    """Lower and upper end of the interval that holds the true rate with 95 % confidence."""
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"{successes} successes of {trials} trials are no sample")
    rate = successes / trials
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)
