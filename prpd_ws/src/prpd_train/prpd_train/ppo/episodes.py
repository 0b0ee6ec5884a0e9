"""Success counted over the episodes that were started, not over those that happened to end first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Deque, Dict, Optional

import numpy as np


@dataclass(frozen=True)
class Episode:
    """How one episode went."""

    success: bool
    total: float
    """Sum of its rewards."""
    length: int
    """Steps."""


class EpisodeWindow:
    """The last `size` episodes in the order in which they were *started*.

    Quick episodes end before slow ones, and the quick ones are the successes. So an episode enters the window only when
    it and all that were started before it have ended.
    """

    def __init__(self, num_envs: int, size: int) -> None:
        if size < 1:
            raise ValueError(f"a window of {size} episodes holds nothing; give at least 1")
        self.size = size
        self._num_envs = num_envs
        self._window: Deque[Episode] = deque(maxlen=size)
        self._ended: Dict[int, Episode] = {}
        self.restart()

    def restart(self) -> None:
        """Forget the running episodes (they were cut off by the caller) and start a new one in every environment."""
        self._window.clear()
        self._ended.clear()
        self._number = np.arange(self._num_envs)
        self._started = self._num_envs
        self._next = 0
        self._sum = np.zeros(self._num_envs)
        self._length = np.zeros(self._num_envs, int)

    def step(self, reward: Any, done: Any, success: Optional[Any]) -> None:
        """Take in one step of all environments; where `done`, `success` says how the episode went."""
        self._sum += np.asarray(reward, dtype=float)
        self._length += 1
        ended = np.flatnonzero(np.asarray(done))
        succeeded = np.zeros(self._num_envs, bool) if success is None else np.asarray(success)
        for i in ended:
            self._ended[int(self._number[i])] = Episode(bool(succeeded[i]), float(self._sum[i]), int(self._length[i]))
            self._number[i] = self._started
            self._started += 1
        self._sum[ended] = 0.0
        self._length[ended] = 0
        while self._next in self._ended:
            self._window.append(self._ended.pop(self._next))
            self._next += 1

    def __len__(self) -> int:
        return len(self._window)

    @property
    def success(self) -> float:
        """Share of successes, NaN before the first episode."""
        return float(np.mean([e.success for e in self._window])) if self._window else float("nan")

    @property
    def certain_success(self) -> float:
        """The least that `success` can be once the window is full: whatever has not ended may fail.

        So a policy that succeeds need not wait for its slowest failures.
        """
        end = self._next - len(self._window) + self.size
        successes = sum(e.success for e in self._window) + sum(e.success for i, e in self._ended.items() if i < end)
        return successes / self.size

    @property
    def returns(self) -> np.ndarray:
        """Sums of rewards."""
        return np.array([e.total for e in self._window])

    @property
    def length(self) -> float:
        """Mean number of steps."""
        return float(np.mean([e.length for e in self._window])) if self._window else float("nan")
