"""Ctrl-C and SIGTERM as a flag, so that a command ends what it started in its own order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether the user asked for the end."""

    def __init__(self) -> None:
        self.number = 0

    def __bool__(self) -> bool:
        return self.number != 0


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Within the block, SIGINT and SIGTERM only set the flag."""
    request = StopRequest()

    def handle(number: int, frame: FrameType | None) -> None:
        request.number = number

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
