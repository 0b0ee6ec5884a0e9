"""Settings of the conservative policy transfer."""

from __future__ import annotations

from dataclasses import dataclass

MODES = ("optimal", "returns", "fixed")


@dataclass(frozen=True)
class TransferConfig:
    """How strongly, and by which rule, a stage is held to the policy of the stage before."""

    alpha: str = "optimal"
    """`optimal` (from Q values), `returns` (from episode returns alone) or `fixed`."""
    fixed_alpha: float = 1.0
    """Of mode `fixed`: 0 is no teacher, 1 is the teacher alone."""
    alpha_0: float = 2.0
    """Scaling coefficient of the estimate. Paper: 2."""
    weight: float = 0.1
    """c3 of the combined loss. Paper: 0.1 to 1 work alike; here 0.01 to 1 do, and at 10 learning stagnates."""
    smoothing: float = 0.5
    """Share of the last iteration's alpha in this one's; the estimate is noisy."""
    inherit: bool = True
    """Start a stage from the last one's networks; off: every stage starts from nothing."""

    def __post_init__(self) -> None:
        if self.alpha not in MODES:
            raise ValueError(f"alpha mode {self.alpha!r} is not known; choose one of {', '.join(MODES)}")
        if not 0 <= self.fixed_alpha <= 1:
            raise ValueError(f"fixed_alpha must lie in [0, 1], not {self.fixed_alpha!r}")
        if self.weight < 0 or self.alpha_0 < 0 or not 0 <= self.smoothing < 1:
            raise ValueError("transfer weight and alpha_0 must not be negative, and smoothing must lie in [0, 1)")
