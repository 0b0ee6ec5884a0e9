"""The automatic schedule: probe the present policy at finer grains, and take the way that should cost least time.

What is known after a stage: how many samples one unit of success has cost so far, and from the probes, how well the
present policy already does at a candidate and what a sample costs there; where a probe would itself be dear, both are
guessed from the coarser ones. Learning from success p to the target is expected to take `confirm + rate * (target - p)`
samples, where `confirm` is what a stage needs at least to show that it is done. The next stage is the candidate that
minimises its own time plus that of the final grain size after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence


@dataclass(frozen=True)
class Candidate:
    """What a probe found at one grain size."""

    delta: float
    """m."""
    success: float
    """Of the present policy, 0 to 1."""
    seconds: float
    """Per sample."""


def stage_seconds(candidate: Candidate, *, target: float, rate: float, confirm: float) -> float:
    """s, expected of a stage at the candidate."""
    return candidate.seconds * (confirm + rate * max(target - candidate.success, 0.0))


def next_delta(candidates: Sequence[Candidate], *, target: float, rate: float, confirm: float) -> Candidate:
    """The candidate to go to next; the finest of them is the end of the schedule."""
    if not candidates:
        raise ValueError("there is no finer grain size to choose")
    finest = min(candidates, key=lambda c: c.delta)

    def total(candidate: Candidate) -> float:
        own = stage_seconds(candidate, target=target, rate=rate, confirm=confirm)
        if candidate.delta == finest.delta:
            return own
        # After this stage the finest grain size starts from a policy that fails there less often, in proportion to how
        # much of the present policy's loss of success the stage lies behind.
        missing, left = max(target - finest.success, 0.0), max(target - candidate.success, 0.0)
        after = Candidate(finest.delta, finest.success + min(left, missing), finest.seconds)
        return own + stage_seconds(after, target=target, rate=rate, confirm=confirm)

    return min(candidates, key=lambda c: (total(c), c.delta))


def guess(last: Candidate, delta: float) -> Candidate:
    """What the last probe lets expect of grains of `delta` m: as many successes, and a cost by the number of grains."""
    return Candidate(delta, last.success, last.seconds * (last.delta / delta) ** 3)


def samples_per_success(samples: int, *, before: float, after: float) -> Optional[float]:
    """Samples that a unit of success cost in a stage; None where it gained nothing."""
    gained = after - before
    return samples / gained if gained > 0.05 else None
