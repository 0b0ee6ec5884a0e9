"""Which of rclpy's executors a node's process turns."""

from __future__ import annotations

from rclpy.executors import Executor, SingleThreadedExecutor


def thrifty_executor() -> Executor:
    """For nodes without coroutines: rclpy's executor of events, where this rclpy has it (7.1.6 has).

    Beside it, rclpy's others gather anew with each message all that a node might wait for, and take twice the processor
    time. But while a coroutine waits, it turns without a pause.
    """
    try:
        from rclpy.experimental import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()
