"""The network between client and controller, with the faults that tests ask for."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import asdict, dataclass
from typing import Callable, Deque, Tuple


@dataclass
class LinkFaults:
    """What is wrong with the network, for all RTDE connections and both directions."""

    frozen_until: float = 0.0
    """Loop time before which nothing passes; what was sent meanwhile passes then, all at once."""
    delay: float = 0.0
    """s, added on each way."""
    drop_commands: float = 0.0
    """Probability that a client's data package is lost."""
    drop_states: float = 0.0
    """Probability that a state is lost."""
    down: bool = False
    """All sockets are closed, new connections are refused."""

    def clear(self) -> None:
        """Nothing is wrong any more."""
        for name, value in asdict(LinkFaults()).items():
            setattr(self, name, value)


class Channel:
    """One direction of one connection: delivers in order, late where the faults say so."""

    def __init__(self, faults: LinkFaults, deliver: Callable[[bytes], None]) -> None:
        self._faults = faults
        self._deliver = deliver
        self._waiting: Deque[Tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def pass_on(self, data: bytes) -> None:
        """Deliver now where the link is healthy, else when the faults let it pass."""
        loop = asyncio.get_running_loop()
        due = max(loop.time() + self._faults.delay, self._faults.frozen_until)
        if not self._waiting and due <= loop.time():
            self._deliver(data)
            return
        self._waiting.append((due, data))
        if self._timer is None:
            self._timer = loop.call_at(due, self._flush)

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._waiting:
            due, data = self._waiting[0]
            if max(due, self._faults.frozen_until) > loop.time():
                self._timer = loop.call_at(max(due, self._faults.frozen_until), self._flush)
                return
            self._waiting.popleft()
            self._deliver(data)

    def close(self) -> None:
        """Forget what has not passed yet."""
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None


def lost(probability: float, rng: random.Random) -> bool:
    """Whether this packet is lost."""
    return probability > 0 and rng.random() < probability
