"""`excavate`: the lifecycle node that serves the Excavate action. Topics and services in, orders carried out."""

from __future__ import annotations

import sys
import time
from dataclasses import fields

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Point
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.task import Future
from rclpy.time import Time as RosTime
from std_srvs.srv import Trigger

from prpd_control.excavate.beat import LEAN, Beat
from prpd_control.excavate.freshness import Arrivals
from prpd_control.excavate.machine import Excavation
from prpd_control.excavate.messages import bucket_command, bucket_reading, policy_status, rock_reading, seconds
from prpd_control.excavate.orders import Inputs, Order
from prpd_control.excavate.readings import BucketReading, RockReading
from prpd_control.excavate.reasons import Outcome, Reason, Result
from prpd_control.excavate.settings import ExcavationSettings
from prpd_control.modes import Mode
from prpd_control.policy.runtime import Policy
from prpd_control.resources import shipped_policy
from prpd_interfaces.action import Excavate
from prpd_interfaces.msg import BucketCommand, BucketState, PolicyStatus, RockState
from prpd_ros.clocks import STEADY
from prpd_ros.lifecycle import LifecycleNode
from prpd_ros.process import spin
from prpd_task.bucket import BucketGeometry
from prpd_task.errors import UserError
from prpd_task.scheduling import be_real_time_throughout


class ExcavateNode(LifecycleNode):
    """One excavation at a time.

    Stamps are moved to the steady clock on arrival, so that a jump of the wall clock neither ages nor renews anything.
    """

    def __init__(self) -> None:
        super().__init__("excavate")
        text = ParameterDescriptor
        self.declare_parameter("policy", str(shipped_policy()), text(description="path of the ONNX policy"))
        self.declare_parameter("bucket", "fork", text(description="shape of the mounted bucket: fork or solid"))
        priority = text(description="real-time priority of the policy's period where the system grants one; 0: none")
        self.declare_parameter("realtime_priority", 5, priority)
        for field in fields(ExcavationSettings):
            self.declare_parameter(field.name, field.default, text(description="see ExcavationSettings"))
        self.keep_parameters()
        self._policy: Policy | None = None
        self._active = False
        self._bucket: BucketReading | None = None
        self._rock: RockReading | None = None
        self._rock_message = RockState()
        self._rock_arrivals = Arrivals()
        self._run: Excavation | None = None
        self._goal: ServerGoalHandle | None = None
        self._ended: Future | None = None
        self._beat: Beat | None = None
        self._homed: bool | None = None
        self._home_message = ""
        self._sequence = 0

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the policy and open topics, services and action."""
        try:
            values = {f.name: self.get_parameter(f.name).value for f in fields(ExcavationSettings)}
            # ROS gives sequences as arrays; the settings hold tuples.
            values = {k: tuple(v) if hasattr(v, "__len__") else v for k, v in values.items()}
            self._settings = ExcavationSettings(**values)
            self._policy = self._load(self.get_parameter("policy").value)
        except (UserError, ValueError) as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        self._commands = self.create_publisher(BucketCommand, "bucket/command", 10)
        self._statuses = self.create_publisher(PolicyStatus, "policy/status", 10)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._subscriptions_ = [
            self.create_subscription(BucketState, "bucket/state", self._on_bucket, 10),
            self.create_subscription(RockState, "rock/state", self._on_rock, 10),
        ]
        self._home = self.create_client(Trigger, "bucket_driver/home")
        self._stop = self.create_client(Trigger, "bucket_driver/stop")
        self._forget = self.create_client(Trigger, "rock_state/forget")
        self._server = ActionServer(
            self,
            Excavate,
            "excavate",
            self._execute,
            goal_callback=self._on_goal,
            cancel_callback=lambda goal: CancelResponse.ACCEPT,
        )
        self._heartbeat = self.create_timer(1.0, self._diagnose, clock=STEADY)
        self.get_logger().info(f"policy {self._policy.path} ({self._policy.digest[:12]}) is ready")
        return TransitionCallbackReturn.SUCCESS

    def _load(self, path: str) -> Policy:
        return Policy.load(path, bucket=BucketGeometry(shape=self.get_parameter("bucket").value))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Accept goals."""
        self._active = True
        be_real_time_throughout(self.get_parameter("realtime_priority").value)
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop what is running and accept no goals."""
        self._active = False
        self.close()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Close what `on_configure` opened."""
        self._server.destroy()
        self.destroy_timer(self._heartbeat)
        for publisher in (self._commands, self._statuses, self._diagnostics):
            self.destroy_publisher(publisher)
        for subscription in self._subscriptions_:
            self.destroy_subscription(subscription)
        for client in (self._home, self._stop, self._forget):
            self.destroy_client(client)
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """End the running excavation, if any, in standstill."""
        if self._run is not None:
            self._finish(Result(Reason.SHUTDOWN))

    def _on_bucket(self, message: BucketState) -> None:
        self._bucket = bucket_reading(message, stamp=self._steady(message.header.stamp))
        if self._run is not None:
            self._run.see(self._bucket)

    def _on_rock(self, message: RockState) -> None:
        self._rock, self._rock_message = rock_reading(message, stamp=self._steady(message.header.stamp)), message
        self._rock_arrivals.add(time.monotonic(), self._rock.stamp)

    def _steady(self, stamp: Time) -> float:
        """S on the steady clock; a stamp from the future counts as now."""
        age = 1e-9 * self.get_clock().now().nanoseconds - seconds(stamp)
        return time.monotonic() - max(age, 0.0)

    def _stamp(self, steady: float) -> Time:
        """The ROS time of an instant on the steady clock."""
        age = round(1e9 * (time.monotonic() - steady))
        return RosTime(nanoseconds=self.get_clock().now().nanoseconds - age).to_msg()

    def _on_goal(self, request: Excavate.Goal) -> GoalResponse:
        refusal = self._refusal(request)
        if refusal:
            self.get_logger().error(f"goal refused: {refusal}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _refusal(self, request: Excavate.Goal) -> str:
        if not self._active:
            return "the node is not active; `ros2 lifecycle set /excavate activate`"
        if self._run is not None:
            return "an excavation is running; cancel it or wait for its end"
        if self._bucket is None:
            return "no bucket state yet; is the bucket driver active?"
        if self._bucket.mode in (Mode.FAULT, Mode.DISCONNECTED, Mode.STOPPED):
            return f"the bucket driver is {self._bucket.mode.name}: {self._bucket.reason}"
        if request.policy and (self._policy is None or request.policy != str(self._policy.path)):
            try:
                self._policy = self._load(request.policy)
            except UserError as error:
                return str(error)
        return ""

    async def _execute(self, goal: ServerGoalHandle) -> Excavate.Result:
        if self._policy is None:
            raise RuntimeError("a goal was accepted without a policy")
        timeout = seconds(goal.request.timeout)
        now = time.monotonic()
        self._run = Excavation(self._policy, self._settings, now=now, hold=goal.request.hold, timeout=timeout)
        self._goal, self._ended, self._homed = goal, Future(), None
        self._beat = Beat(self, self._policy.contract.task.control_period, self._tick)
        result: Result = await self._ended
        answer = Excavate.Result(
            outcome=int(result.outcome),
            reason=result.reason.code,
            message=result.message,
            steps=self._run.steps,
            duration=time.monotonic() - now,
            peak_force=self._run.peak_force,
            rock=self._rock_message,
        )
        self._run = self._goal = self._ended = None
        if result.outcome is Outcome.SUCCESS:
            goal.succeed()
        elif result.outcome is Outcome.CANCELED and goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return answer

    def _tick(self) -> None:
        run, goal = self._run, self._goal
        if run is None or goal is None:
            return
        order = run.tick(
            Inputs(
                now=time.monotonic(),
                bucket=self._bucket,
                rock=self._rock,
                homed=self._homed,
                home_message=self._home_message,
                cancel=goal.is_cancel_requested,
            )
        )
        self._carry_out(order)
        self._report(order, goal)
        if self._beat is not None:
            by = self._rock_arrivals.better(self._beat.due, self._beat.period)
            self._beat.shift(by, most=self._beat.period if order.at_rest else LEAN)
        if order.result is not None:
            self._finish(order.result)

    def _carry_out(self, order: Order) -> None:
        if self._policy is None:
            raise RuntimeError("an order was given without a policy")
        contract = self._policy.contract
        if order.target is not None:
            self._sequence += 1
            self._commands.publish(
                bucket_command(
                    order.target,
                    stamp=self._stamp(order.stamp),
                    sequence=self._sequence,
                    period=0.0 if order.last else contract.task.control_period,
                )
            )
        if order.policy_step is not None:
            stamp = self._stamp(order.policy_step.stamp)
            digest = self._policy.digest
            self._statuses.publish(policy_status(order.policy_step, stamp=stamp, contract=contract, digest=digest))
        if order.go_home:
            self._homed = None
            self._home.call_async(Trigger.Request()).add_done_callback(self._on_homed)
        if order.forget_rock:
            self._forget.call_async(Trigger.Request())

    def _on_homed(self, future: Future) -> None:
        answer = future.result()
        self._homed, self._home_message = bool(answer.success), answer.message

    def _report(self, order: Order, goal: ServerGoalHandle) -> None:
        feedback = Excavate.Feedback(phase=order.phase.value, step=self._run.steps if self._run else 0)
        if self._rock is not None and self._rock.usable:
            x, y, z = (float(v) for v in self._rock.position)
            feedback.rock = Point(x=x, y=y, z=z)
        if self._bucket is not None:
            feedback.force = float((self._bucket.force**2).sum() ** 0.5)
        goal.publish_feedback(feedback)

    def _finish(self, result: Result) -> None:
        if self._beat is not None:
            self._beat.stop()
        # Whoever breaks a stream of commands off says so: silence would be taken for a fault.
        if result.outcome is not Outcome.SUCCESS and self._bucket is not None and self._bucket.mode is not Mode.IDLE:
            self._stop.call_async(Trigger.Request())
        text = f"excavation ended: {result.reason.code}: {result.message}"
        if result.outcome is Outcome.SUCCESS:
            self.get_logger().info(text)
        else:  # a line of its own: rclpy ties a severity to the line of code
            self.get_logger().warning(text)
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(result)

    def _diagnose(self) -> None:
        status = DiagnosticStatus(name="excavate", hardware_id="policy", level=DiagnosticStatus.OK)
        idle = "ready" if self._active else "inactive"
        status.message = f"excavating: {self._run.phase.value}" if self._run else idle
        digest = self._policy.digest[:12] if self._policy else ""
        values = {"policy": digest, "longest_delay": f"{self._beat.longest_delay if self._beat else 0.0:.4f} s"}
        status.values = [KeyValue(key=k, value=v) for k, v in values.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)


def main() -> int:
    """Entry point of the process."""
    return spin(ExcavateNode, coroutines=True)


if __name__ == "__main__":
    sys.exit(main())
