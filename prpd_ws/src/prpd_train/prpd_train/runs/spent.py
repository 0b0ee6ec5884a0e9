"""What a run has cost so far."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Spent:
    """Seconds of one process; on several, of the one that leads."""

    seconds: float = 0.0
    """Of setting up, collecting and learning."""
    simulation_seconds: float = 0.0
    """Of these, in the environment."""
    cpu_seconds: float = 0.0
    """Of processor time."""

    @classmethod
    def now(cls) -> Spent:
        """Clocks of this process, of which only differences mean something."""
        return cls(seconds=time.perf_counter(), cpu_seconds=time.process_time())

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.seconds + other.seconds,
            self.simulation_seconds + other.simulation_seconds,
            self.cpu_seconds + other.cpu_seconds,
        )

    def __sub__(self, other: Spent) -> Spent:
        return Spent(
            self.seconds - other.seconds,
            self.simulation_seconds - other.simulation_seconds,
            self.cpu_seconds - other.cpu_seconds,
        )
