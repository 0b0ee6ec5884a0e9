"""Watches an emulated arm, in its own time, through a port that the faults of the link do not touch."""

from __future__ import annotations

import socket
import struct
import threading
import time
from dataclasses import dataclass

import numpy as np

WORLD_PORT = 30020
STANDSTILL, STILL_TURN = 0.005, 0.02
"""m/s and rad/s of the TCP, below which the arm counts as standing."""


@dataclass(frozen=True)
class Sample:
    """What the witness saw."""

    wall: float
    """s, monotonic."""
    time: float
    """s, controller's."""
    position: np.ndarray
    speed: float
    """m/s."""
    turn_rate: float
    """rad/s."""

    @property
    def moves(self) -> bool:
        """Whether the arm does not stand."""
        return self.speed > STANDSTILL or self.turn_rate > STILL_TURN


class Witness:
    """Polls the controller's world port from a thread, and pushes on the bucket where told."""

    def __init__(self, address: str) -> None:
        self.samples: list[Sample] = []
        self.wrench = (0.0,) * 6
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((address, WORLD_PORT))
        self._socket.settimeout(0.05)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._socket.send(struct.pack("<6d", *self.wrench))
                values = struct.unpack("<13d", self._socket.recv(256))
            except OSError:  # a controller that is frozen or gone
                time.sleep(0.01)
                continue
            speed, turn_rate = (float(np.linalg.norm(values[i : i + 3])) for i in (7, 10))
            self.samples.append(Sample(time.monotonic(), values[0], np.array(values[1:4]), speed, turn_rate))
            time.sleep(0.0015)

    def standstill(self, since: float, until: float) -> tuple[float | None, float]:
        """(s, m) from the wall time `since` to the last instant of motion before `until`, and the way travelled.

        The first is None where the arm still moves at the end. Times are the controller's own.
        """
        seen = [s for s in self.samples if since <= s.wall <= until]
        if not seen or seen[-1].moves:
            return None, float("inf")
        before = [s for s in self.samples if s.wall < since]
        start = before[-1] if before else seen[0]
        moving = [i for i, s in enumerate(seen) if s.moves]
        if not moving:
            return 0.0, 0.0
        track = [start, *seen[: moving[-1] + 2]]
        way = sum(float(np.linalg.norm(b.position - a.position)) for a, b in zip(track, track[1:]))
        return track[-1].time - start.time, way

    def first_stop(self, since: float) -> tuple[float | None, float]:
        """(s, m) from the wall time `since` to the first instant at which the arm stood, and the way travelled."""
        stood = next((s.wall for s in self.samples if s.wall >= since and not s.moves), None)
        return (None, float("inf")) if stood is None else self.standstill(since, stood)

    def speed(self, wall: float) -> float:
        """m/s, at a wall time."""
        return next((s.speed for s in reversed(self.samples) if s.wall <= wall), 0.0)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()
        self._socket.close()
