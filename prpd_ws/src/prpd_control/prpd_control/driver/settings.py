"""The parameters of the bucket driver, once: names, defaults, ranges and meaning. The node declares them from here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from prpd_task.errors import UserError


def setting(default: Any, description: str, low: float | None = None, high: float | None = None) -> Any:
    """A field with its description and, for numbers, the range in which it must lie."""
    return field(default=default, metadata={"description": description, "low": low, "high": high})


STATE_RATE = 250.0
"""Hz, at most: enough to judge by, and less to take in than one state for each setpoint."""


@dataclass(frozen=True)
class DriverSettings:
    """Defaults are meant for a first day with a real arm, and let a policy's own motion (20 mm per 0.1 s) through."""

    robot_ip: str = setting("127.0.0.1", "IPv4 address of the UR5e's controller")
    cell: str = setting("", "YAML file that says where arm, bucket and soil stand; empty: the nominal cell")
    dry_run: bool = setting(False, "check everything, move nothing")
    camera_frame: bool = setting(True, "publish on /tf_static where the camera stands by the cell's file")
    rate: float = setting(500.0, "Hz, of the stream of setpoints", 125.0, 500.0)
    publish_rate: float = setting(50.0, "Hz, of bucket/state", 20.0, 250.0)
    realtime_priority: int = setting(
        20, "SCHED_FIFO priority of the stream where the system allows one, half of it for the node; 0: none", 0, 90
    )

    home_pose: tuple[float, ...] = setting((0.0, -0.22, 0.22, 0.0), "m, m, m, rad: bucket pose of `home`, soil frame")
    home_speed: float = setting(0.10, "m/s, of the driver's own motions", 0.01, 0.25)
    home_turn_rate: float = setting(0.4, "rad/s, likewise", 0.05, 1.0)

    watchdog_rate: float = setting(
        25.0, "Hz: the controller stops its program when no command came for 1/this", 10.0, 100.0
    )
    command_grace: float = setting(0.03, "s that a command may be late before the arm pauses", 0.005, 0.5)
    command_timeout: float = setting(0.4, "s that a command may be late before the stream counts as broken", 0.05, 2.0)
    command_age: float = setting(0.5, "s, oldest observation that a command may act on", 0.05, 2.0)
    node_timeout: float = setting(0.5, "s without a sign of the node after which the arm stops", 0.1, 2.0)
    state_age: float = setting(0.02, "s, age of the arm's state beyond which no setpoint is sent", 0.008, 0.1)
    state_timeout: float = setting(0.15, "s, age of the arm's state at which the connection counts as lost", 0.05, 1.0)

    box_low: tuple[float, ...] = setting((-0.40, -0.45, -0.11, -1.2), "m, m, m, rad: lowest bucket pose, soil frame")
    box_high: tuple[float, ...] = setting((0.40, 0.35, 0.45, 1.2), "m, m, m, rad: highest bucket pose, soil frame")
    max_tilt: float = setting(0.35, "rad, tilt of the bucket's lateral axis with which a motion may begin", 0.01, 0.8)
    max_speed: float = setting(0.25, "m/s, of the bucket", 0.01, 1.0)
    max_turn_rate: float = setting(1.2, "rad/s, of the bucket", 0.05, 3.0)
    max_acceleration: float = setting(4.0, "m/s2, of the bucket", 0.2, 20.0)
    max_turn_acceleration: float = setting(30.0, "rad/s2, of the bucket", 1.0, 100.0)
    max_joint_speed: float = setting(1.5, "rad/s, of any joint", 0.1, 3.1)
    joint_margin: float = setting(0.1, "rad that every joint keeps from the end of its range", 0.0, 1.0)
    singularity_margin: float = setting(0.035, "m/rad-scaled smallest singular value of the Jacobian to keep", 0.0, 0.3)
    blend: float = setting(1.5, "duration of a plan in control periods; the bucket rests at its end", 1.0, 3.0)

    slow_force: float = setting(40.0, "N, force on the bucket from which the motion slows down", 5.0, 140.0)
    max_force: float = setting(80.0, "N, force at which the bucket backs off and stops", 10.0, 150.0)
    back_off_distance: float = setting(0.02, "m, way back along the path at too great a force", 0.0, 0.1)
    back_off_speed: float = setting(0.05, "m/s, of backing off", 0.01, 0.2)
    max_lag: float = setting(0.06, "m, distance between setpoint and arm at which the stream stops", 0.01, 0.2)

    servo_lookahead: float = setting(0.05, "s, of servoL", 0.03, 0.2)
    servo_gain: float = setting(1200.0, "of servoL", 100.0, 2000.0)
    stop_deceleration: float = setting(
        10.0, "m/s2, of a stop; harder where it would outlast the watchdog, up to max_turn_acceleration", 1.0, 30.0
    )
    bucket_mass: float = setting(0.45, "kg, payload that the pendant's installation should name", 0.05, 5.0)

    def __post_init__(self) -> None:
        for spec in fields(self):
            _check(spec.name, getattr(self, spec.name), spec.metadata["low"], spec.metadata["high"])
        for name in ("home_pose", "box_low", "box_high"):
            value = getattr(self, name)
            if len(value) != 4 or not all(math.isfinite(v) for v in value):
                raise UserError(f"parameter {name} needs four finite numbers (x, y, z, pitch), not {value!r}")
        if any(low >= high for low, high in zip(self.box_low, self.box_high)):
            raise UserError(f"parameter box_low {self.box_low} must lie below box_high {self.box_high} on every axis")
        if any(not low <= v <= high for low, v, high in zip(self.box_low, self.home_pose, self.box_high)):
            raise UserError(
                f"parameter home_pose {self.home_pose} lies outside the box {self.box_low} .. {self.box_high}"
            )
        if self.slow_force >= self.max_force:
            raise UserError(f"parameter slow_force {self.slow_force} N must be less than max_force {self.max_force} N")
        if self.state_age >= self.state_timeout:
            raise UserError(
                f"parameter state_age {self.state_age} s must be less than state_timeout {self.state_timeout} s"
            )
        if self.command_grace >= self.command_timeout:
            raise UserError(
                f"parameter command_grace {self.command_grace} s must be less than command_timeout "
                f"{self.command_timeout} s"
            )

    @property
    def state_rate(self) -> float:
        """Hz, of the states of the arm that are asked for and passed on."""
        return min(self.rate, STATE_RATE)

    @property
    def period(self) -> float:
        """s, of the stream."""
        return 1.0 / self.rate


def _check(name: str, value: Any, low: float | None, high: float | None) -> None:
    if low is None or high is None:
        return
    if not (math.isfinite(value) and low <= value <= high):
        raise UserError(f"parameter {name} must lie between {low} and {high}, not {value!r}")
