"""How a node's process runs and ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

import rclpy
from rclpy.executors import SingleThreadedExecutor, TimeoutObject
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from prpd_ros.executor import thrifty_executor
from prpd_task.signals import ignore_signals

LOOK_UP = 0.2
"""s, longest time between two looks at the signals."""
N = TypeVar("N", bound=Node)


def spin(
    make: Callable[[], N],
    *,
    done: Callable[[N], bool] = lambda node: False,
    beat: Callable[[N], float] | None = None,
    coroutines: bool = False,
) -> int:
    """Run one node in this process until SIGINT, SIGTERM, or `done(node)`; the exit status.

    A node that has `coroutines` among its callbacks must say so: the executor of the others cannot run them.

    `beat(node)` is called between callbacks and tells in how many seconds it wants to be called again: the thrifty way
    to do something often. A timer of rclpy wakes the executor twice each time, and each time that gathers all that the
    node might wait for.

    rclpy's own signal handlers can lose a wake-up and leave a process hanging for ever, so the handlers here only set a
    flag, and the executor looks at it five times a second. A node that is still being made, which can take seconds, is
    interrupted.
    """
    stop: list[int] = []
    making = True

    def request(number: int, frame: FrameType | None) -> None:
        stop.append(number)
        if making and len(stop) == 1:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request)
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        executor = SingleThreadedExecutor() if coroutines else thrifty_executor()
        node = make()
        making = False
    except KeyboardInterrupt:
        rclpy.try_shutdown()
        ignore_signals()
        return 0
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        rclpy.shutdown()
        return 1
    executor.add_node(node)
    # One object for all times: where it is given another one, the executor of coroutines begins its round anew, and
    # each round begins with those that wait for something. While one did, it would come to nothing else, without a
    # pause.
    timeout = TimeoutObject(LOOK_UP)
    try:
        while not stop and not done(node):
            if beat is not None:
                timeout.timeout = min(LOOK_UP, beat(node))
            executor.spin_once(timeout_sec=timeout if coroutines else timeout.timeout)
    finally:
        close = getattr(node, "close", None)
        if close is not None:
            close()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()
    ignore_signals()
    return 0
