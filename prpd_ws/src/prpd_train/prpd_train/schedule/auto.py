"""The automatic schedule: probe the present policy at finer grains, and take the way that should cost least time.

What is known after a stage: how many samples one unit of success has cost so far, and from the probes, how well the
present policy already does at a candidate and what a sample costs there. Learning from success p to the target is
expected to take `confirm + rate * (target - p)` samples, where `confirm` is what a stage needs at least to show that it
is done. A stage also cures, at finer grains, what the policy lacked where it was held.

Where a probe would itself be dear, only the cost is guessed. There, a policy is expected to have lost success since the
grains that it was trained on, as much each time that grains get smaller by a factor e. So the time that every way
through the candidates takes can be told, and the next stage is the first one of the shortest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional, Sequence

LEAST_LOSS = 0.03
"""Of success, that is expected to be lost at least when grains get smaller by a factor e. A probe of 64 episodes cannot
see as little; at the finest grains, where each per cent takes minutes to learn, it decides."""


@dataclass(frozen=True)
class Candidate:
    """A grain size, and what a probe found there."""

    delta: float
    """m."""
    success: Optional[float]
    """Of the present policy, 0 to 1; None where it was not tried."""
    seconds: float
    """Per sample."""


def next_delta(
    candidates: Sequence[Candidate], *, trained: float, target: float, rate: float, confirm: float
) -> Candidate:
    """The candidate to go to next from a policy that has reached the target at `trained` m.

    The finest of them is the end of the schedule.
    """
    if not candidates:
        raise ValueError("there is no finer grain size to choose")
    ways = sorted(candidates, key=lambda c: -c.delta)
    loss = loss_per_factor(ways, trained=trained, target=target)

    def seconds(to: Candidate, begun: Optional[Candidate] = None) -> float:
        """Of the stage `to`, after that of `begun`, or now."""
        if to.success is None:
            missing = loss * math.log((begun.delta if begun else trained) / to.delta)
        else:
            cured = target - begun.success if begun is not None and begun.success is not None else 0.0
            missing = target - to.success - max(cured, 0.0)
        return to.seconds * (confirm + rate * max(missing, 0.0))

    onwards = [0.0] * len(ways)  # s, from the end of each stage to that of the finest one
    for i in reversed(range(len(ways) - 1)):
        onwards[i] = min(seconds(ways[j], ways[i]) + onwards[j] for j in range(i + 1, len(ways)))
    return ways[min(range(len(ways)), key=lambda i: seconds(ways[i]) + onwards[i])]


def loss_per_factor(candidates: Sequence[Candidate], *, trained: float, target: float) -> float:
    """Of success, when grains get smaller by a factor e: the straight line through the target that fits the probes."""
    known = [(math.log(trained / c.delta), target - c.success) for c in candidates if c.success is not None]
    slope = sum(x * lost for x, lost in known) / sum(x * x for x, _ in known) if known else 0.0
    return max(slope, LEAST_LOSS)


def untried(last: Candidate, delta: float) -> Candidate:
    """Grains of `delta` m, of which only the cost is guessed, by their number, from the last candidate."""
    return Candidate(delta, None, last.seconds * (last.delta / delta) ** 3)


def samples_per_success(samples: int, *, before: float, after: float) -> Optional[float]:
    """Samples that a unit of success cost in a stage; None where it gained nothing."""
    gained = after - before
    return samples / gained if gained > 0.05 else None
