"""`bucket_driver`: the ROS face of the arm. It knows no `ur_rtde`; that lives in the streaming process.

Unconfigured -> inactive: the parameters are read. Inactive -> active: the controller is connected and checked, and
commands are followed. Active -> inactive: the arm brakes and the controller is left to the pendant.
"""

from __future__ import annotations

import time

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.task import Future
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from prpd_control.driver import channel, parameters, ros_messages
from prpd_control.driver.limits import Target
from prpd_control.driver.process import StreamProcess
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.state_block import State
from prpd_control.driver.static_frames import StaticFrames
from prpd_control.driver.stops import Cause, Stop
from prpd_control.modes import Mode
from prpd_interfaces.msg import BucketCommand, BucketState
from prpd_ros.clocks import STEADY
from prpd_ros.lifecycle import LifecycleNode
from prpd_ros.process import spin
from prpd_task.cell import Cell
from prpd_task.scheduling import be_real_time_throughout

JOINTS_PERIOD, IDLE_PERIOD, ALIVE_PERIOD = 0.04, 0.1, 0.05
"""s, of joint_states, which only shows the arm; of bucket/state without a connection; of the node's signs of life."""


class BucketDriver(LifecycleNode):
    """Publishes the bucket's state, passes commands on, answers home, stop and recover."""

    def __init__(self) -> None:
        super().__init__("bucket_driver")
        parameters.declare(self)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._settings = DriverSettings()
        self._cell = Cell()
        self._stream: StreamProcess | None = None
        self._frames = StaticFrames(self)
        self._stop: Stop | None = None
        self._last: State | None = None
        self._ticks = 0
        self._homing: tuple[Future, float | None] | None = None  # and when the stream accepted it
        self._recovering: Future | None = None
        # Without their default events (a subscriber that does not fit, of which it is told itself): each is one more
        # thing to look at whenever the executor wakes.
        silent = PublisherEventCallbacks(use_default_callbacks=False)
        self._states = self.create_publisher(BucketState, "bucket/state", 10, event_callbacks=silent)
        self._joints = self.create_publisher(JointState, "joint_states", 10, event_callbacks=silent)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10, event_callbacks=silent)
        self.create_subscription(BucketCommand, "bucket/command", self._on_command, 10)
        waiting = ReentrantCallbackGroup()  # home and recover answer late
        self.create_service(Trigger, "~/home", self._home, callback_group=waiting)
        self.create_service(Trigger, "~/recover", self._recover, callback_group=waiting)
        self.create_service(Trigger, "~/stop", self._halt)
        self._due = time.monotonic()
        self.create_timer(1.0, self._diagnose, clock=STEADY)

    # -- life cycle --

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters, so that they are refused before anything is connected."""
        return TransitionCallbackReturn.SUCCESS if self._read_parameters() else TransitionCallbackReturn.FAILURE

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Connect; where the controller is not ready, say what to do and stay inactive."""
        ready = self._read_parameters() and self._connect() is None  # they may have been changed since
        if ready:
            be_real_time_throughout(self._settings.realtime_priority // 2)  # commands come through this process
        return TransitionCallbackReturn.SUCCESS if ready else TransitionCallbackReturn.FAILURE

    def _read_parameters(self) -> bool:
        try:
            self._settings = parameters.settings(self)
            self._cell = Cell.load(self._settings.cell) if self._settings.cell else Cell()
        except (ValueError, OSError) as error:
            self.get_logger().error(str(error))
            return False
        self._frames.publish(self._cell, with_camera=self._settings.camera_frame)
        return True

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Brake and leave the controller."""
        self.close()
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Nothing is kept."""
        self._stop = self._last = None
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Brake and leave the controller."""
        self.close()
        return TransitionCallbackReturn.SUCCESS

    def _connect(self) -> Stop | None:
        self.close()
        self._stream = StreamProcess(self._settings, self._cell)
        self._stop = self._stream.wait_ready()
        if self._stop is not None:
            self.get_logger().error(self._stop.message)
            self.close()
        elif self._stream.ready is not None:
            ready, rate = self._stream.ready, self._settings.rate
            self.get_logger().info(
                f"connected to {self._settings.robot_ip}, PolyScope {ready.version}, streaming at {rate:g} Hz"
                + (", dry run: nothing will move" if self._settings.dry_run else "")
            )
            if ready.warning:
                self.get_logger().warning(ready.warning)
        return self._stop

    def close(self) -> None:
        """Brake, leave the controller, end the streaming process."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _on_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        if self._stream is None:
            return SetParametersResult(successful=True)
        names = ", ".join(p.name for p in changes)
        return SetParametersResult(successful=False, reason=f"deactivate bucket_driver to change {names}")

    # -- the period --

    def beat(self) -> float:
        """Publish once per period; s until the next one begins. Periods that were missed are left out."""
        now, period = time.monotonic(), 1 / self._settings.publish_rate
        if now >= self._due:
            self._due = max(self._due + period, now)
            self._tick()
        return max(self._due - time.monotonic(), 0.0)

    def _each(self, period: float) -> bool:
        """Whether something that is done every `period` s, or more seldom, is done in this one."""
        return self._ticks % max(1, round(period * self._settings.publish_rate)) == 0

    def _tick(self) -> None:
        self._ticks += 1
        stream = self._stream
        if stream is not None:
            stream.poll()
            if self._each(ALIVE_PERIOD):
                stream.send(channel.Alive())
            self._last = stream.last or self._last
            if stream.end is not None:
                self._stop = stream.end.stop or Stop(Cause.STREAM_DIED, "the streaming process ended")
                self.get_logger().error(self._stop.message)
                self.close()
            else:
                self._follow_services(stream)
        mode, reason = self._mode()
        if self._stream is None:
            self._fail_services(reason)
            if not self._each(IDLE_PERIOD):
                return
        stamp = self._stamp()
        self._states.publish(
            ros_messages.bucket_state(self._last, stamp=stamp, mode=mode, reason=reason, dry_run=self._settings.dry_run)
        )
        if self._stream is not None and self._last is not None and self._each(JOINTS_PERIOD):
            self._joints.publish(ros_messages.joint_state(self._last, stamp))

    def _mode(self) -> tuple[Mode, str]:
        if self._stream is None or self._last is None:
            reason = self._stop.message if self._stop is not None else "not connected: activate bucket_driver"
            return Mode.DISCONNECTED, reason
        return self._last.mode, self._last.reason

    def _stamp(self) -> Time:
        """Of the last state's measurement, in ROS time."""
        if self._last is None:
            return self.get_clock().now()
        age = time.monotonic() - self._last.time + max(self._last.age, 0.0)
        return self.get_clock().now() - Duration(nanoseconds=int(age * 1e9))

    def _diagnose(self) -> None:
        mode, reason = self._mode()
        facts = {"robot_ip": self._settings.robot_ip, "dry run": str(self._settings.dry_run)}
        warnings = []
        if self._stream is not None and self._stream.ready is not None:
            ready = self._stream.ready
            facts |= {"PolyScope": ready.version, "real-time priority": str(ready.realtime)}
            warnings = [ready.warning] if ready.warning else []
        self._diagnostics.publish(
            ros_messages.diagnostics(
                self._last, stamp=self.get_clock().now(), mode=mode, reason=reason, warnings=warnings, facts=facts
            )
        )

    # -- commands and services --

    def _on_command(self, message: BucketCommand) -> None:
        if self._stream is None:
            return
        duration = message.time_to_target
        age = (self.get_clock().now() - Time.from_msg(message.header.stamp)).nanoseconds * 1e-9
        position = message.position
        self._stream.send(
            Target(
                sequence=message.sequence,
                pose=(position.x, position.y, position.z, message.pitch),
                duration=duration.sec + duration.nanosec * 1e-9,
                age=age,
                frame=message.header.frame_id,
            )
        )

    async def _home(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Answers when the arm is at home, or will not get there."""
        if self._stream is None or self._homing is not None:
            response.message = self._mode()[1] if self._stream is None else "the arm is on its way home already"
            return response
        arrived = Future()
        self._homing = (arrived, None)
        self._stream.send(channel.Home())
        response.message = await arrived
        response.success = not response.message
        response.message = response.message or "at home"
        return response

    def _halt(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Always possible."""
        if self._stream is not None:
            self._stream.send(channel.Halt())
        response.success, response.message = True, "stopping; bucket_driver/recover goes on"
        return response

    async def _recover(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Go on after a stop, with a new connection where the old one is of no use."""
        refused: Stop | None = None
        if self._stream is not None and self._recovering is None:
            self._recovering = Future()
            self._stream.send(channel.Recover())
            refused = await self._recovering
            self._recovering = None
        elif self._stream is not None:
            response.message = "recovering already"
            return response
        if self._stream is None or (refused is not None and refused.cause is Cause.PROGRAM_STOPPED):
            refused = self._restart()
        response.success = refused is None
        response.message = refused.message if refused is not None else "ready"
        return response

    def _restart(self) -> Stop | None:
        active = self._state_machine.current_state[1] == "active"
        if active:
            return self._connect()
        if self._state_machine.current_state[1] == "unconfigured":
            self.trigger_configure()
        self.trigger_activate()
        return self._stop

    def _follow_services(self, stream: StreamProcess) -> None:
        """Complete what waits for the stream."""
        answer = stream.answer()
        if answer is not None and self._recovering is not None and not self._recovering.done():
            self._recovering.set_result(answer.refused)
        elif answer is not None and self._homing is not None:
            arrived, _ = self._homing
            if answer.refused is not None:
                self._arrive(answer.refused.message)
            else:
                self._homing = (arrived, time.monotonic())
        if self._homing is None or self._homing[1] is None or self._last is None:
            return
        if self._last.time > self._homing[1] and self._last.mode is not Mode.MOVING:
            self._arrive("" if self._last.mode is Mode.IDLE else self._last.reason)

    def _fail_services(self, reason: str) -> None:
        self._arrive(reason)
        if self._recovering is not None and not self._recovering.done():
            self._recovering.set_result(self._stop)

    def _arrive(self, message: str) -> None:
        if self._homing is not None:
            arrived, self._homing = self._homing[0], None
            arrived.set_result(message)


def main() -> int:
    """Console script."""
    return spin(BucketDriver, beat=BucketDriver.beat, coroutines=True)
