"""What the bucket felt a moment ago."""

from __future__ import annotations

from collections import deque

import numpy as np

from prpd_control.excavate.readings import BucketReading


class BucketHistory:
    """The readings of the last moments, in the order of their stamps."""

    def __init__(self, length: float) -> None:
        self._length = length
        self._readings: deque[BucketReading] = deque()

    def add(self, reading: BucketReading) -> None:
        """Keep a reading, and forget those older than `length` s before it; one that is not newer is ignored."""
        if self._readings and reading.stamp <= self._readings[-1].stamp:
            return
        self._readings.append(reading)
        while reading.stamp - self._readings[0].stamp > self._length:
            self._readings.popleft()

    def mean_force(self, duration: float) -> np.ndarray:
        """(3,) N, over the last `duration` s."""
        if not self._readings:
            raise LookupError("no bucket reading yet")
        newest = self._readings[-1].stamp
        return np.mean([r.force for r in self._readings if newest - r.stamp <= duration], axis=0)
