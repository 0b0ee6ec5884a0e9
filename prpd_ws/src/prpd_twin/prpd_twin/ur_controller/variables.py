"""Names and types of the variables that RTDE clients may read and write, and who owns the writable ones."""

from __future__ import annotations

from typing import Any, Dict, Hashable, List, Sequence

REGISTERS = 48
"""Of each kind; `ur_rtde` uses the lower or the upper half."""


def _of_type(kind: str, names: str) -> Dict[str, str]:
    return dict.fromkeys(names.split(), kind)


OUTPUTS: Dict[str, str] = {
    **_of_type(
        "DOUBLE",
        """timestamp actual_execution_time speed_scaling target_speed_fraction actual_momentum
        actual_main_voltage actual_robot_voltage actual_robot_current
        standard_analog_input0 standard_analog_input1 standard_analog_output0 standard_analog_output1
        payload tcp_force_scalar tool_analog_input0 tool_analog_input1 tool_output_current tool_temperature
        io_current""",
    ),
    **_of_type(
        "VECTOR6D",
        """target_q target_qd target_qdd target_current target_moment
        actual_q actual_qd actual_qdd actual_current actual_moment actual_current_as_torque joint_control_output
        actual_TCP_pose actual_TCP_speed actual_TCP_force target_TCP_pose target_TCP_speed
        joint_temperatures actual_joint_voltage ft_raw_wrench payload_inertia tcp_offset""",
    ),
    **_of_type("VECTOR3D", "actual_tool_accelerometer payload_cog elbow_position elbow_velocity"),
    **_of_type("VECTOR6INT32", "joint_mode"),
    **_of_type("INT32", "robot_mode safety_mode tool_output_voltage"),
    **_of_type(
        "UINT32",
        """robot_status_bits safety_status_bits runtime_state safety_status tool_mode
        output_bit_registers0_to_31 output_bit_registers32_to_63""",
    ),
    **_of_type("UINT64", "actual_digital_input_bits actual_digital_output_bits"),
    **{f"output_int_register_{i}": "INT32" for i in range(REGISTERS)},
    **{f"output_double_register_{i}": "DOUBLE" for i in range(REGISTERS)},
    **{f"input_int_register_{i}": "INT32" for i in range(REGISTERS)},
    **{f"input_double_register_{i}": "DOUBLE" for i in range(REGISTERS)},
}
"""Controller to client; input registers can be read back."""

INPUTS: Dict[str, str] = {
    **_of_type(
        "UINT8",
        """standard_digital_output_mask standard_digital_output
        configurable_digital_output_mask configurable_digital_output tool_digital_output_mask tool_digital_output
        standard_analog_output_mask standard_analog_output_type""",
    ),
    **_of_type("UINT32", "speed_slider_mask input_bit_registers0_to_31 input_bit_registers32_to_63"),
    **_of_type("DOUBLE", "speed_slider_fraction standard_analog_output_0 standard_analog_output_1"),
    **_of_type("VECTOR6D", "external_force_torque"),
    **{f"input_int_register_{i}": "INT32" for i in range(REGISTERS)},
    **{f"input_double_register_{i}": "DOUBLE" for i in range(REGISTERS)},
}
"""Client to controller."""


def zero(kind: str) -> Any:
    """The first value of a variable of an RTDE type."""
    if kind == "BOOL":
        return False
    if kind.startswith("VECTOR"):
        return (0,) * (3 if kind == "VECTOR3D" else 6)
    return 0.0 if kind == "DOUBLE" else 0


class Inputs:
    """The variables that clients write: last values, and the connection that each belongs to."""

    def __init__(self) -> None:
        self.values: Dict[str, Any] = {name: zero(kind) for name, kind in INPUTS.items()}
        self._owners: Dict[str, Hashable] = {}

    def claim(self, owner: Hashable, names: Sequence[str]) -> List[str]:
        """The types to answer a set-up request with: for each name its type, `NOT_FOUND` or `IN_USE`.

        Only a request without either takes the variables into possession.
        """
        answer = []
        for name in names:
            if name not in INPUTS:
                answer.append("NOT_FOUND")
            elif self._owners.get(name, owner) is not owner:
                answer.append("IN_USE")
            else:
                answer.append(INPUTS[name])
        if not {"NOT_FOUND", "IN_USE"} & set(answer):
            self._owners.update(dict.fromkeys(names, owner))
        return answer

    def release(self, owner: Hashable) -> None:
        """Give back what a closed connection owned; the values stay."""
        self._owners = {name: who for name, who in self._owners.items() if who is not owner}
