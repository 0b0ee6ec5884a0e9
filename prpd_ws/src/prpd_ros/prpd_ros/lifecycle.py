"""A lifecycle node that outlives a wrong request."""

from __future__ import annotations

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy import lifecycle
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.parameter import Parameter


class LifecycleNode(lifecycle.LifecycleNode):
    """rclpy's, but a transition that the present state does not have is refused.

    In rclpy (Jazzy) such a request raises through the executor, which ends the process: one wrong `ros2 lifecycle set`
    would take down a node that holds a robot.
    """

    def keep_parameters(self) -> None:
        """From now on refuse to change parameters of a configured node, which reads them when it is configured.

        A change would seem to work, and not.
        """
        self.add_on_set_parameters_callback(self._refuse_parameters)

    def _refuse_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        if self._state_machine.current_state[1] == "unconfigured":
            return SetParametersResult(successful=True)
        names = ", ".join(p.name for p in changes)
        reason = f"deactivate and clean up {self.get_name()} to change {names}"
        return SetParametersResult(successful=False, reason=reason)

    def _LifecycleNodeMixin__on_change_state(  # noqa: N802 - rclpy's private name: it has no public hook
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        try:
            return super()._LifecycleNodeMixin__on_change_state(request, response)
        except rclpy_implementation.RCLError:
            asked = request.transition.label or request.transition.id
            self.get_logger().warning(f"no transition {asked} from the present state")
            response.success = False
            return response
