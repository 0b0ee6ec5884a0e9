"""How late a periodic loop wakes up: a histogram that costs nothing to keep."""

from __future__ import annotations

from collections.abc import Sequence

BIN = 1e-5
"""s, width of a bin; the last one takes everything above."""
BINS = 5000


class Lateness:
    """Counts wake-ups by how late they came."""

    def __init__(self) -> None:
        self.counts = [0] * BINS

    def add(self, seconds: float) -> None:
        """One wake-up."""
        self.counts[min(max(int(seconds / BIN), 0), BINS - 1)] += 1

    def take(self, other: Lateness) -> None:
        """Add what another one has counted, and empty that."""
        for i, count in enumerate(other.counts):
            if count:
                self.counts[i] += count
                other.counts[i] = 0


def quantile(counts: Sequence[int], share: float) -> float:
    """s, lateness that `share` (0..1) of the wake-ups did not exceed; the upper edge of its bin. 0 without any."""
    wanted, seen = share * sum(counts), 0
    for i, count in enumerate(counts):
        seen += count
        if count and seen >= wanted:
            return (i + 1) * BIN
    return 0.0
