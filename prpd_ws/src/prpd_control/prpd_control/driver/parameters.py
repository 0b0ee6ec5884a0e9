"""The fields of DriverSettings as ROS parameters, with types, ranges and descriptions."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node

from prpd_control.driver.settings import DriverSettings
from prpd_task.errors import UserError


def declare(node: Node) -> None:
    """Declare all; raises UserError where a given value has another type or lies outside its range."""
    for field in fields(DriverSettings):
        low, high = field.metadata["low"], field.metadata["high"]
        descriptor = ParameterDescriptor(description=field.metadata["description"])
        if low is not None and isinstance(field.default, int):
            descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
        elif low is not None:
            descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
        default: Any = list(field.default) if isinstance(field.default, tuple) else field.default
        try:
            node.declare_parameter(field.name, default, descriptor)
        except ParameterException as error:
            limits = "" if low is None else f" between {low} and {high}"
            kind = type(field.default).__name__.replace("tuple", "list of floats")
            raise UserError(f"parameter {field.name} must be a {kind}{limits}: {error}") from error


def settings(node: Node) -> DriverSettings:
    """What they are now; raises UserError where they do not fit together."""
    values: dict[str, Any] = {field.name: node.get_parameter(field.name).value for field in fields(DriverSettings)}
    for field in fields(DriverSettings):
        if isinstance(field.default, tuple):
            values[field.name] = tuple(values[field.name])
    return DriverSettings(**values)
