"""Settings of the schedule of grain sizes, and the fixed schedules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Tuple

MODES = ("interval", "list", "auto")


@dataclass(frozen=True)
class ScheduleConfig:
    """From which grain size to which, in which steps, and when a stage is done."""

    mode: str = "interval"
    """`interval` (equal steps), `list` (as given) or `auto` (chosen from probes of the present policy)."""
    first: float = 0.07
    """m. Paper: 70 mm."""
    last: float = 0.01
    """m. Paper: 10 mm."""
    interval: float = 0.01
    """m, between stages; in `auto`, between candidates. Paper: 10 mm."""
    deltas: Tuple[float, ...] = ()
    """m, of mode `list`: every stage's grain size, falling."""
    target_success: float = 0.95
    """The last stage is done at this success rate. Paper: 0.95, of every stage."""
    coarse_target: float = 0.97
    """The others are done at this one: what is learnt where samples cost little need not be learnt where they are
    dear."""
    window: int = 128
    """Episodes over which success is counted, in the order in which they were started. Paper: an iteration's 128."""
    max_iterations: int = 400
    """A stage ends after so many iterations, whatever its success. Paper: 400."""
    patience: int = 80
    """Iterations after which a policy that began from nothing, and seldom digs yet, begins anew with other networks.
    One in fifteen was seen to find a way to please that ends nowhere; the others dug after 20 to 55. 0: it goes on."""
    start_cost: float = 1.2
    """`auto` begins with the finest candidate whose samples cost at most so many times what they cost at `first`: with
    coarser grains it would save nothing. 1: begin at `first`."""
    probe_episodes: int = 64
    """Of each probe in `auto`."""
    even: float = 0.026
    """m. Grains of this size take as much time as all else in a sample, in `auto`. Measured with warp on a CPU."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"schedule mode {self.mode!r} is not known; choose one of {', '.join(MODES)}")
        if not 0 < self.last <= self.first:
            raise ValueError(
                f"a schedule goes from coarse to fine: first {self.first} m must not be below last {self.last} m > 0"
            )
        if not self.interval > 0:
            raise ValueError(f"schedule interval must be positive, not {self.interval!r} m")
        if not 0 < self.target_success <= 1:
            raise ValueError(f"target_success must lie in (0, 1], not {self.target_success!r}")
        if not 0 <= self.coarse_target <= 1:
            raise ValueError(f"coarse_target must lie in [0, 1], not {self.coarse_target!r}")
        if self.mode == "list":
            falling = all(a > b > 0 for a, b in zip(self.deltas[:-1], self.deltas[1:]))
            if not self.deltas or not falling or not self.deltas[0] > 0:
                raise ValueError(
                    f"schedule deltas must be positive and fall, such as 0.07 0.03 0.01; not {self.deltas!r}"
                )
        elif self.deltas:
            raise ValueError(f"schedule deltas are for mode `list`, not {self.mode!r}")
        if self.even < 0:
            raise ValueError(f"schedule even must not be negative, not {self.even!r} m")
        if not self.start_cost >= 1:
            raise ValueError(f"schedule start_cost must be at least 1, not {self.start_cost!r}")
        if self.patience < 0:
            raise ValueError(f"schedule patience must not be negative, not {self.patience!r}")
        if self.window < 1 or self.max_iterations < 1 or self.probe_episodes < 1:
            raise ValueError("schedule window, max_iterations and probe_episodes must be at least 1")

    def target(self, delta: float) -> float:
        """The success rate at which a stage of `delta` m is done."""
        last = self.deltas[-1] if self.mode == "list" else self.last
        return self.target_success if delta <= last + 1e-9 else self.coarse_target

    def cost(self, delta: float) -> float:
        """Of a sample with grains of `delta` m, where all but the grains costs 1.

        Their number grows with the third power of 1 / delta, and more of them fit the caches less well.
        """
        return 1.0 + (self.even / delta) ** 4


def fixed_deltas(config: ScheduleConfig) -> Tuple[float, ...]:
    """m, the grain sizes of `interval` and `list`; the candidates of `auto`."""
    if config.mode == "list":
        return config.deltas
    count = math.ceil((config.first - config.last) / config.interval - 1e-9)
    steps = [config.first - i * config.interval for i in range(count)]
    return tuple(round(delta, 9) for delta in [*steps, config.last])


def first_delta(config: ScheduleConfig) -> float:
    """m, the first stage's grain size."""
    deltas = fixed_deltas(config)
    if config.mode != "auto":
        return deltas[0]
    return [delta for delta in deltas if config.cost(delta) <= config.start_cost * config.cost(deltas[0])][-1]
