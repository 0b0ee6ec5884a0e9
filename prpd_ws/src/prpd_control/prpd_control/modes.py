"""What the bucket driver is doing, by the numbers of BucketState.msg."""

from __future__ import annotations

from enum import IntEnum


class Mode(IntEnum):
    """Of the driver; BucketState.msg says what each means."""

    DISCONNECTED = 0
    IDLE = 1
    STREAMING = 2
    MOVING = 3
    STOPPED = 4
    FAULT = 5
