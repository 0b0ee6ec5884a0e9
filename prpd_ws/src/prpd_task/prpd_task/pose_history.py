"""The bucket's pose at a time that has passed, from what was known of it around then."""

from __future__ import annotations

from collections import deque

import numpy as np


class PoseHistory:
    """Keeps the last poses; see `at`."""

    def __init__(self, *, longest_gap: float = 0.3, length: int = 300) -> None:
        self._gap = longest_gap
        self._poses: deque[tuple[float, np.ndarray]] = deque(maxlen=length)

    def add(self, stamp: float, pose: np.ndarray) -> None:
        """Add the pose (4,) at `stamp` s; what is not finite or older than the last one is left out."""
        if not (np.isfinite(stamp) and np.isfinite(pose).all()):
            return
        if self._poses and stamp <= self._poses[-1][0]:
            if stamp < self._poses[-1][0] - 1.0:
                self._poses.clear()
            else:
                return
        self._poses.append((stamp, np.asarray(pose, float)))

    def at(self, stamp: float) -> np.ndarray | None:
        """Interpolated pose (4,); the nearest one outside the known span; None if that is too far in time."""
        if not self._poses:
            return None
        later: tuple[float, np.ndarray] | None = None
        for time, pose in reversed(self._poses):
            if time <= stamp:
                if later is None or later[0] - time > 2 * self._gap:
                    return pose if stamp - time <= self._gap else None
                share = (stamp - time) / (later[0] - time)
                return pose + share * (later[1] - pose)
            later = (time, pose)
        return later[1] if later is not None and later[0] - stamp <= self._gap else None
