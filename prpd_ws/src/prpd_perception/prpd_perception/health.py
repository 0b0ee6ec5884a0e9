"""How the estimator fares, for /diagnostics."""

from __future__ import annotations

from collections import deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from prpd_perception.estimate import RockEstimate, Status


class Health:
    """Counts over the last seconds."""

    def __init__(self, *, max_age: float, length: int = 90) -> None:
        self._max_age = max_age
        self._received: deque[float] = deque(maxlen=length)
        self._ages: deque[float] = deque(maxlen=length)
        self._times: deque[float] = deque(maxlen=length)
        self._bad = 0
        self._trouble = "no image yet"
        self._last: RockEstimate | None = None

    def good(self, estimate: RockEstimate, *, received: float, age: float, took: float) -> None:
        """An image was used; times in s."""
        self._received.append(received)
        self._ages.append(age)
        self._times.append(took)
        self._last = estimate
        self._trouble = estimate.message if estimate.status == Status.CAMERA_MOVED else ""
        if age > self._max_age:
            self._trouble = f"images arrive {age:.2f} s old; check the camera's clock and the load"

    def bad(self, reason: str) -> None:
        """An image could not be used, or none came."""
        self._bad += 1
        self._trouble = reason

    def report(self, now: float) -> DiagnosticStatus:
        """OK, or an error with its reason."""
        recent = [t for t in self._received if now - t < 2.0]
        rate = (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0
        values = {"rate_hz": f"{rate:.1f}", "unusable_images": str(self._bad)}
        if self._ages:
            values["age_p50_ms"] = f"{1000 * float(np.median(self._ages)):.1f}"
            values["processing_p50_ms"] = f"{1000 * float(np.median(self._times)):.1f}"
            values["processing_max_ms"] = f"{1000 * max(self._times):.1f}"
        if self._last is not None:
            values |= {
                "rock": self._last.status.name,
                "confidence": f"{self._last.confidence:.2f}",
                "track": str(self._last.identity),
            }
            values["candidates"] = str(len(self._last.candidates))
        return DiagnosticStatus(
            name="rock_state: depth image to rock state",
            hardware_id="depth_camera",
            level=DiagnosticStatus.ERROR if self._trouble else DiagnosticStatus.OK,
            message=self._trouble or "ok",
            values=[KeyValue(key=key, value=value) for key, value in values.items()],
        )
