"""Send an Excavate goal and wait for its result, from a program that is no node itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rclpy
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from prpd_interfaces.action import Excavate
from prpd_task.errors import UserError

SERVER_TIMEOUT = 10.0
"""s, to find the action server, and again for its answer to the goal."""


class GoalRefusedError(UserError):
    """The excavate node does not take the goal."""


@contextmanager
def _node() -> Iterator[tuple[Node, SingleThreadedExecutor]]:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node, executor = Node("excavate_client"), SingleThreadedExecutor()
    executor.add_node(node)
    try:
        yield node, executor
    finally:
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()


def excavate_once(*, hold: bool, give_up: Callable[[], bool], policy: str = "") -> Excavate.Result | None:
    """The result of one excavation; None when `give_up()` came first, after which the goal is canceled."""
    with _node() as (node, executor):
        client = ActionClient(node, Excavate, "excavate")
        missing = "no `excavate` action server was found; is the excavate node active?"
        _spin_until(executor, client.server_is_ready, missing)
        accepted = client.send_goal_async(Excavate.Goal(hold=hold, policy=policy), feedback_callback=_Printer())
        _spin_until(executor, accepted.done, "the excavate node did not answer; its own lines above may say why")
        goal = accepted.result()
        if not goal.accepted:
            raise GoalRefusedError("the excavate node refused the goal; its own line above says why")
        result = goal.get_result_async()
        canceled, deadline = False, 0.0
        while not result.done():
            executor.spin_once(timeout_sec=0.1)
            if give_up() and not canceled:
                canceled, deadline = True, time.monotonic() + 2.0
                goal.cancel_goal_async()
            if canceled and time.monotonic() > deadline:
                return None
        return None if canceled else result.result().result


def _spin_until(executor: SingleThreadedExecutor, condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SERVER_TIMEOUT
    while not condition():
        executor.spin_once(timeout_sec=0.1)
        if time.monotonic() > deadline:
            raise GoalRefusedError(otherwise)


class _Printer:
    """One line per phase."""

    def __init__(self) -> None:
        self._phase = ""

    def __call__(self, message: Excavate.Impl.FeedbackMessage) -> None:
        if message.feedback.phase != self._phase:
            self._phase = message.feedback.phase
            print(f"{self._phase} (step {message.feedback.step})", flush=True)
