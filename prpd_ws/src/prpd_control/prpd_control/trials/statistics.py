"""Whether one policy is better than another."""

from __future__ import annotations

import math
from collections.abc import Sequence


def paired_test(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int, float]:
    """Two policies on the same soils: wins of the first alone, of the second alone, and McNemar's exact p-value."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} outcomes cannot be paired")
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    disagreements = only_first + only_second
    # Each disagreement is a toss of a fair coin if neither is better; both tails of that are alike.
    tail = sum(math.comb(disagreements, k) for k in range(min(only_first, only_second) + 1)) / 2**disagreements
    return only_first, only_second, min(1.0, 2 * tail)
