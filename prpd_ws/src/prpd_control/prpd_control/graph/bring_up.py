"""Brings the lifecycle nodes of the graph to life, in order, and says which one refuses."""

from __future__ import annotations

import sys
import time

import rclpy
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node

from prpd_ros.process import spin

RETRY_AFTER = 1.0
"""s, after a refusal."""
ASK_AGAIN_AFTER = 4.0
"""s without an answer. A service that has not discovered its client yet loses the answer for good (rmw_fastrtps waits
100 ms for it), so the state is asked for anew; a node busy with a transition answers that once it is through."""
PATH = {
    State.PRIMARY_STATE_UNCONFIGURED: (Transition.TRANSITION_CONFIGURE, "configure"),
    State.PRIMARY_STATE_INACTIVE: (Transition.TRANSITION_ACTIVATE, "activate"),
}


class BringUp(Node):
    """Walks through its `nodes`: unconfigured -> inactive -> active."""

    def __init__(self) -> None:
        super().__init__("bring_up")
        self._waiting = list(self.declare_parameter("nodes", rclpy.Parameter.Type.STRING_ARRAY).value or [])
        self._patience = self.declare_parameter("timeout", 30.0).value
        self._deadline = time.monotonic() + self._patience
        self._not_before = 0.0
        self._warned: set[tuple[str, str]] = set()
        self._call: rclpy.task.Future | None = None
        self._give_up_at = 0.0
        self._step = "answer"
        self._askers: dict[tuple[str, str], rclpy.client.Client] = {}
        self.failure = ""
        self.create_timer(0.05, self._tick)

    @property
    def finished(self) -> bool:
        """Whether all are active, or one refused for good."""
        return not self._waiting or bool(self.failure)

    def _tick(self) -> None:
        if self.finished:
            return
        name = self._waiting[0]
        if time.monotonic() > self._deadline:
            self.failure = (
                f"{name} did not {self._step} within {self._patience:g} s; its own lines above say why. "
                "Correct that and start again."
            )
            return
        if self._call is None and time.monotonic() >= self._not_before:
            self._call = self._ask(name, "get_state", GetState, GetState.Request())
        elif self._call is not None and self._call.done():
            answer, self._call = self._call.result(), None
            self._proceed(name, answer)
        elif self._call is not None and time.monotonic() >= self._give_up_at:
            self.get_logger().warning(f"no answer from {name} for {ASK_AGAIN_AFTER:g} s; asking again")
            self._call.cancel()
            self._call = None

    def _proceed(self, name: str, answer: GetState.Response | ChangeState.Response) -> None:
        if isinstance(answer, ChangeState.Response):
            if not answer.success:
                if (name, self._step) not in self._warned:
                    self._warned.add((name, self._step))
                    self.get_logger().warning(f"{name} refused to {self._step}; trying again for a while")
                self._not_before = time.monotonic() + RETRY_AFTER
            return
        state = answer.current_state
        if state.id == State.PRIMARY_STATE_ACTIVE:
            self.get_logger().info(f"{name} is active")
            self._waiting.pop(0)
            self._step = "answer"
            self._deadline = time.monotonic() + self._patience
        elif state.id in PATH:
            transition, self._step = PATH[state.id]
            request = ChangeState.Request(transition=Transition(id=transition))
            self._call = self._ask(name, "change_state", ChangeState, request)

    def _ask(self, name: str, service: str, kind: type, request: object) -> rclpy.task.Future | None:
        """The call's future; None while the service is not there."""
        key = (name, service)
        if key not in self._askers:
            self._askers[key] = self.create_client(kind, f"{name}/{service}")
        self._give_up_at = time.monotonic() + ASK_AGAIN_AFTER
        return self._askers[key].call_async(request) if self._askers[key].service_is_ready() else None


def main() -> int:
    """Entry point of the process; its status is 0 when all nodes are active."""
    nodes: list[BringUp] = []

    def make() -> Node:
        nodes.append(BringUp())
        return nodes[0]

    status = spin(make, done=lambda node: nodes[0].finished)
    if nodes and nodes[0].failure:
        print(f"error: {nodes[0].failure}", file=sys.stderr)
        return 1
    return status
