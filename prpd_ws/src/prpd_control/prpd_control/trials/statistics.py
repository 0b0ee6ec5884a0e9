"""Whether one policy is better than another."""

from __future__ import annotations

from collections.abc import Sequence


def paired_test(first: Sequence[bool], second: Sequence[bool]) -> tuple[int, int, float]:
    """Two policies on the same soils: wins of the first alone, of the second alone, and McNemar's exact p-value."""
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} outcomes cannot be paired")
    from scipy.stats import binomtest

    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    disagreements = only_first + only_second
    p_value = float(binomtest(only_first, disagreements, 0.5).pvalue) if disagreements else 1.0
    return only_first, only_second, p_value
