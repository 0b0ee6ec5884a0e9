"""When in each control period to act, so that what is acted on is fresh."""

from __future__ import annotations

from collections import deque

import numpy as np

AGE = 0.092
"""s, that a message should have when it is acted on. The twin has younger ones, of 0.06 to 0.08 s, but only just: while
a bucket digs, images and perception take up to 0.03 s longer than while it waits, and a message that is missed costs a
whole period. So what is left of 0.1 s is spent on waiting for those."""
SPAN = 1.0
"""s, over which arrivals are remembered."""
LEAST = 6
"""Arrivals from which a phase is judged."""
CANDIDATES = 50
"""Phases that are compared."""
MARGIN = 0.01
"""s, that a message should be there before it is needed, even if that makes it older than `AGE`."""
USUAL = 0.7
"""Share of the messages that shall be no older than what is called usual."""
RELUCTANCE = 0.1
"""s of age that must be gained for each s by which a phase is moved. Where several phases are as good, as with 30
images and 10 actions a second, chance must not drive from one to the next."""


class Arrivals:
    """When the last messages of one kind arrived, and of which instant they told."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def add(self, arrival: float, stamp: float) -> None:
        """Note a message, both times in s on one clock."""
        self._seen.append((arrival, stamp))
        while arrival - self._seen[0][0] > SPAN:
            self._seen.popleft()

    def better(self, due: float, period: float) -> float:
        """s, by which to act later than `due` (negative: earlier): who acts then, and each `period` s from it, finds
        messages of `AGE`, or the youngest that there are.

        0 where what came does not tell. Messages and actions that keep no common time (30 Hz and 10 Hz do, 30 Hz and
        7 Hz do not) have no best phase, and any will do.
        """
        if len(self._seen) < LEAST:
            return 0.0
        arrivals, stamps = np.array(self._seen).T
        begin, end = arrivals[0] + MARGIN, arrivals[-1]
        periods = int((end - begin) / period)
        if periods < 1:  # all at once, after a pause: that tells nothing of when they usually come
            return 0.0
        moves = period * (np.arange(CANDIDATES) / CANDIDATES - 0.5)
        phases = begin + (due + moves - begin) % period
        times = phases[:, None] + period * np.arange(periods)
        newest = np.searchsorted(arrivals + MARGIN, times, side="right") - 1
        # Neither stragglers nor what came before a pause may cost every other message its freshness.
        usual_age = np.quantile(times - np.maximum.accumulate(stamps)[newest], USUAL, axis=1)
        wanted = max(AGE, usual_age.min())
        return float(moves[np.argmin(np.abs(usual_age - wanted) + RELUCTANCE * np.abs(moves))])
