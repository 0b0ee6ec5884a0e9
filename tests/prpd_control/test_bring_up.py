"""Bringing nodes to life: in order, in spite of a lost answer, and with the name of the one that will not."""

from __future__ import annotations

import time

import pytest

rclpy = pytest.importorskip("rclpy")

from lifecycle_msgs.msg import State  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from rclpy.callback_groups import ReentrantCallbackGroup  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.signals import SignalHandlerOptions  # noqa: E402
from rclpy.task import Future  # noqa: E402

from prpd_control.graph import bring_up  # noqa: E402
from prpd_ros.lifecycle import LifecycleNode  # noqa: E402


class LosesAnswers(LifecycleNode):
    """Obeys, but the first answer to each kind of question is lost on the way."""

    def __init__(self, name: str) -> None:
        self.lost: list[type] = []
        super().__init__(name, enable_communication_interface=False)
        side_by_side = ReentrantCallbackGroup()
        self.create_service(GetState, f"{name}/get_state", self._state, callback_group=side_by_side)
        self.create_service(ChangeState, f"{name}/change_state", self._change, callback_group=side_by_side)

    async def _lose_first(self, kind: type) -> None:
        if kind not in self.lost:
            self.lost.append(kind)
            await Future()  # an answer that never leaves

    async def _state(self, request: GetState.Request, response: GetState.Response) -> GetState.Response:
        await self._lose_first(GetState)
        return self._LifecycleNodeMixin__on_get_state(request, response)

    async def _change(self, request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        response = self._LifecycleNodeMixin__on_change_state(request, response)
        await self._lose_first(ChangeState)
        return response


@pytest.fixture
def bring(monkeypatch):
    """Make nodes by (class, name), bring them up together with `absent` ones, and give the nodes and the BringUp."""
    monkeypatch.setattr(bring_up, "ASK_AGAIN_AFTER", 0.5)
    made = []

    def run(*nodes, absent=(), patience=20.0):
        names = [name for _, name in nodes] + list(absent)
        arguments = ["--ros-args", "-p", f"nodes:=[{', '.join(names)}]", "-p", f"timeout:={patience}"]
        rclpy.init(args=arguments, domain_id=94, signal_handler_options=SignalHandlerOptions.NO)
        made.extend(kind(name) for kind, name in nodes)
        made.append(bring_up.BringUp())
        executor = SingleThreadedExecutor()
        for node in made:
            executor.add_node(node)
        deadline = time.monotonic() + 60
        while not made[-1].finished and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
        executor.shutdown()
        return made[:-1], made[-1]

    yield run
    for node in made:
        node.destroy_node()
    rclpy.shutdown()


def test_all_become_active(bring) -> None:
    nodes, bringing = bring((LifecycleNode, "one"), (LifecycleNode, "two"))
    assert (bringing.finished, bringing.failure) == (True, "")
    assert [n._state_machine.current_state[0] for n in nodes] == [State.PRIMARY_STATE_ACTIVE] * 2


def test_a_lost_answer_is_asked_for_again(bring) -> None:
    (node,), bringing = bring((LosesAnswers, "forgetful"))
    assert node.lost == [GetState, ChangeState]
    assert (bringing.finished, bringing.failure) == (True, "")
    assert node._state_machine.current_state[0] == State.PRIMARY_STATE_ACTIVE


def test_a_node_that_is_not_there_is_named(bring) -> None:
    _, bringing = bring((LifecycleNode, "one"), absent=["nobody"], patience=1.0)
    assert "nobody did not answer within 1 s" in bringing.failure
