"""The values of the output variables, from the controller's state."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Dict

import numpy as np

from prpd_twin.ur_controller.kinematics import pose_to_ur
from prpd_twin.ur_controller.safety import SAFETY_BITS, RobotMode, RuntimeState
from prpd_twin.ur_controller.variables import OUTPUTS, zero

if TYPE_CHECKING:
    from prpd_twin.ur_controller.controller import Controller

NEWTON_METRES_PER_AMPERE = np.array([13.0, 13.0, 13.0, 9.3, 9.3, 9.3])
"""Motor current of joint torque, about, behind the gears."""
JOINT_RUNNING, JOINT_OFF = 253, 239
"""Values of joint_mode."""


class OutputState:
    """First values of all outputs."""

    @staticmethod
    def initial() -> Dict[str, Any]:
        """Zero, but for the mains, temperatures and such that a healthy robot shows."""
        values = {name: zero(kind) for name, kind in OUTPUTS.items()}
        values.update(
            joint_temperatures=(30.0,) * 6,
            actual_main_voltage=48.0,
            actual_robot_voltage=48.0,
            actual_robot_current=0.8,
            actual_joint_voltage=(48.0,) * 6,
            actual_execution_time=0.3,
            actual_tool_accelerometer=(0.0, 0.0, 9.81),
        )
        return values


def write_outputs(robot: Controller) -> None:
    """Bring `robot.outputs` up to date with the cycle that has just passed."""
    arm, out = robot.arm, robot.outputs
    out["timestamp"] = robot.time
    out["target_q"], out["target_qd"] = arm.target.tolist(), arm.target_speed.tolist()
    out["target_qdd"] = arm.target_acceleration.tolist()
    out["actual_q"], out["actual_qd"] = arm.actual.tolist(), arm.actual_speed.tolist()
    out["actual_qdd"] = arm.actual_acceleration.tolist()
    out["actual_TCP_pose"] = pose_to_ur(arm.actual_tcp()).tolist()
    out["target_TCP_pose"] = pose_to_ur(arm.target_tcp()).tolist()
    jacobian = arm.model.jacobian(arm.actual)
    out["actual_TCP_speed"] = (jacobian @ arm.actual_speed).tolist()
    out["target_TCP_speed"] = arm.target_twist().tolist()
    out["tcp_offset"] = pose_to_ur(arm.model.tcp).tolist()
    _write_forces(robot, jacobian)
    powered, playing = robot.robot_mode != RobotMode.POWER_OFF, robot.runtime == RuntimeState.PLAYING
    out["robot_mode"], out["safety_mode"] = int(robot.robot_mode), int(robot.safety_mode)
    out["safety_status"] = int(robot.safety_mode)
    out["joint_mode"] = (JOINT_RUNNING if robot.robot_mode == RobotMode.RUNNING else JOINT_OFF,) * 6
    out["robot_status_bits"] = int(powered) | int(playing) << 1
    out["safety_status_bits"] = SAFETY_BITS[robot.safety_mode]
    out["runtime_state"] = int(robot.runtime)
    out["speed_scaling"] = 1.0 if playing else 0.0
    out["target_speed_fraction"] = arm.speed_fraction


def _write_forces(robot: Controller, jacobian: np.ndarray) -> None:
    arm, out, sensor = robot.arm, robot.outputs, robot.force
    reading = sensor.reading.tolist()
    out["actual_TCP_force"], out["ft_raw_wrench"] = reading, sensor.unzeroed.tolist()
    out["tcp_force_scalar"] = math.hypot(*reading[:3])
    out["payload"], out["payload_cog"] = sensor.payload.mass, sensor.payload.cog
    moment = arm.model.gravity_torques(arm.target)
    out["target_moment"] = moment.tolist()
    out["target_current"] = (moment / NEWTON_METRES_PER_AMPERE).tolist()
    felt = moment - jacobian.T @ sensor.unzeroed
    out["actual_moment"] = felt.tolist()
    out["actual_current"] = out["joint_control_output"] = (felt / NEWTON_METRES_PER_AMPERE).tolist()
    out["actual_current_as_torque"] = felt.tolist()
