"""The automatic schedule: probe the present policy at finer grains, and take the way that should cost least.

A policy's failures are expected to become fewer by the same factor with every sample: from success p to a target takes
`confirm + rate * ln((1 - p) / (1 - target))` samples, where `confirm` is what a stage needs at least to show that it is
done, and `rate` is what the run's stages have shown. A stage also cures, at finer grains that were tried, the share of
failures that it cures where it is held.

Where a probe would itself be dear, success is guessed. So what every way through the candidates costs can be told, and
the next stage is the first one of the cheapest. Costs are not timed but counted, so that the same seed goes the same
way on a busy machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

LOSS = 0.02
"""Of success, that is expected to be lost when grains get smaller by a factor e, where it was not tried. Policies from
70, 40, 30 and 20 mm were seen to lose 0.016, 0.045, 0.003 and -0.006 a factor on the way to 10 mm, with two or three
seeds each."""
FEWEST_FAILURES = 0.005
"""Share of episodes that fail, below which a policy cannot be seen to become any better."""


@dataclass(frozen=True)
class Candidate:
    """A grain size, and what a probe found there."""

    delta: float
    """m."""
    success: Optional[float]
    """Of the present policy, 0 to 1; None where it was not tried."""


def next_delta(
    candidates: Sequence[Candidate],
    *,
    trained: float,
    success: float,
    target: Callable[[float], float],
    cost: Callable[[float], float],
    rate: float,
    confirm: float,
) -> Candidate:
    """The candidate to go to next with a policy of this success at the `trained` m.

    The finest of them is the end of the schedule. `target` is the success at which a stage of so many m is done, `cost`
    that of a sample there.
    """
    if not candidates:
        raise ValueError("there is no finer grain size to choose")
    ways = sorted(candidates, key=lambda c: -c.delta)
    finest_known = min([(trained, success), *((c.delta, c.success) for c in ways if c.success is not None)])

    def first_success(to: Candidate, begun: Optional[Candidate]) -> float:
        """With which the stage `to` begins, after that of `begun`, or now."""
        if to.success is None:
            delta, known = (begun.delta, target(begun.delta)) if begun is not None else finest_known
            return known - LOSS * math.log(delta / to.delta)
        if begun is None or begun.success is None:
            return to.success
        return 1.0 - (1.0 - to.success) * math.exp(-efolds(begun.success, target(begun.delta)))

    def stage(to: Candidate, begun: Optional[Candidate] = None) -> float:
        """Its cost, after that of `begun`, or now."""
        return cost(to.delta) * (confirm + rate * efolds(first_success(to, begun), target(to.delta)))

    onwards = [0.0] * len(ways)  # cost, from the end of each stage to that of the finest one
    for i in reversed(range(len(ways) - 1)):
        onwards[i] = min(stage(ways[j], ways[i]) + onwards[j] for j in range(i + 1, len(ways)))
    return ways[min(range(len(ways)), key=lambda i: stage(ways[i]) + onwards[i])]


def efolds(before: float, after: float) -> float:
    """How often failures fall by a factor e from one success to another, at least 0."""
    left = [max(1.0 - success, FEWEST_FAILURES) for success in (before, after)]
    return max(math.log(left[0] / left[1]), 0.0)


def affordable(deltas: Sequence[float], *, each: float, budget: float, cost: Callable[[float], float]) -> int:
    """How many of the grain sizes, from coarse to fine, can be tried with `each` samples; at least the first."""
    spent, count = 0.0, 0
    for delta in deltas:
        spent += each * cost(delta)
        if count and spent > budget:
            break
        count += 1
    return count
