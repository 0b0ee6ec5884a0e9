"""The stream's state in ROS messages."""

from __future__ import annotations

import math

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import Vector3
from rclpy.time import Time
from sensor_msgs.msg import JointState

from prpd_control.driver.state_block import State
from prpd_control.driver.tool_frames import attitude
from prpd_control.modes import Mode
from prpd_interfaces.msg import BucketState
from prpd_task.ur5e import JOINT_NAMES


def bucket_state(state: State | None, *, stamp: Time, mode: Mode, reason: str, dry_run: bool) -> BucketState:
    """`state` is the last one known; without any, pose and stamp stay zero and the mode says not to use them."""
    message = BucketState(mode=int(mode), reason=reason, dry_run=dry_run)
    message.header.frame_id = "soil"
    if state is None:
        return message
    message.header.stamp = stamp.to_msg()
    place = message.pose.position
    place.x, place.y, place.z, message.pitch = state.setpoint[:4]
    turn = message.pose.orientation
    turn.x, turn.y, turn.z, turn.w = attitude(state.setpoint)
    _fill(message.twist.linear, state.velocity[:3])
    _fill(message.twist.angular, state.velocity[3:])
    _fill(message.wrench.force, state.force)
    _fill(message.wrench.torque, state.torque)
    message.command_sequence = state.sequence
    return message


def _fill(vector: Vector3, values: tuple[float, ...]) -> None:
    vector.x, vector.y, vector.z = values


def joint_state(state: State, stamp: Time) -> JointState:
    """Angles and speeds, in the order of the URDF."""
    message = JointState(name=list(JOINT_NAMES), position=state.joints, velocity=state.joint_speeds)
    message.header.stamp = stamp.to_msg()
    return message


def diagnostics(
    state: State | None, *, stamp: Time, mode: Mode, reason: str, warnings: list[str], facts: dict[str, str]
) -> DiagnosticArray:
    """One status: what an operator asks first, then the numbers."""
    bad = mode in (Mode.DISCONNECTED, Mode.STOPPED, Mode.FAULT)
    level = DiagnosticStatus.ERROR if bad else DiagnosticStatus.WARN if warnings else DiagnosticStatus.OK
    status = DiagnosticStatus(level=level, name="bucket_driver", hardware_id=facts.get("robot_ip", ""))
    status.message = "; ".join([reason or mode.name.lower(), *warnings])
    values = dict(facts, mode=mode.name)
    if state is not None:
        values |= {
            "state age ms": f"{state.age * 1e3:.1f}",
            "loop late p50 ms": f"{state.late_median * 1e3:.2f}",
            "loop late p99 ms": f"{state.late_p99 * 1e3:.2f}",
            "loop late max ms": f"{state.late_max * 1e3:.2f}",
            "cycles": str(state.cycles),
            "setpoints sent": str(state.writes),
            "setpoints held back": str(state.skipped),
            "commands lost": str(state.lost_commands),
            "speed slider %": f"{state.speed_scaling * 100:.0f}",
            "force N": f"{math.hypot(*state.force):.1f}",
        }
    status.values = [KeyValue(key=k, value=v) for k, v in values.items()]
    message = DiagnosticArray(status=[status])
    message.header.stamp = stamp.to_msg()
    return message
