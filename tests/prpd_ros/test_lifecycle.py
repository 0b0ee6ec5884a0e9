"""A lifecycle node refuses a transition that its state does not have, and goes on."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy")

from lifecycle_msgs.msg import State, Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.signals import SignalHandlerOptions  # noqa: E402

from prpd_ros.lifecycle import LifecycleNode  # noqa: E402


@pytest.fixture
def asked():
    """Ask a fresh node for a transition, by number or label; its answer, and the state it is in afterwards."""
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=93, signal_handler_options=SignalHandlerOptions.NO)
    node = LifecycleNode("tried", context=context)
    client = rclpy.create_node("asking", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    executor.add_node(client)
    service = client.create_client(ChangeState, "tried/change_state")

    def ask(**transition: object) -> tuple[bool, int]:
        assert service.wait_for_service(timeout_sec=20)
        future = service.call_async(ChangeState.Request(transition=Transition(**transition)))
        executor.spin_until_future_complete(future, timeout_sec=20)
        assert future.done(), "the node does not answer"
        return future.result().success, node._state_machine.current_state[0]

    yield ask
    executor.shutdown()
    node.destroy_node()
    client.destroy_node()
    rclpy.shutdown(context=context)


@pytest.mark.parametrize(
    "wrong", [{"id": Transition.TRANSITION_ACTIVATE}, {"label": "activate"}, {"id": 250}, {"label": "dance"}]
)
def test_a_wrong_transition_is_refused_and_a_right_one_still_works(asked, wrong) -> None:
    assert asked(**wrong) == (False, State.PRIMARY_STATE_UNCONFIGURED)
    assert asked(id=Transition.TRANSITION_CONFIGURE) == (True, State.PRIMARY_STATE_INACTIVE)
