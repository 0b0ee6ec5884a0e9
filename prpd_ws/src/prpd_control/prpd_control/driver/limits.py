"""What a command may ask for. Each check is a function that finds a reason to refuse it, or none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Cause, Stop
from prpd_control.driver.tool_frames import Setpoint, ToolFrames, flange_matrix
from prpd_task import ur5e
from prpd_task.cell import Cell

AXES = ("x", "y", "z", "pitch")


@dataclass(frozen=True)
class Target:
    """A command as the stream gets it."""

    sequence: int
    pose: tuple[float, float, float, float]
    """Bucket pose, soil frame."""
    duration: float
    """s until it should be reached; 0: in the driver's own time, and no further command follows."""
    age: float = 0.0
    """s, of the observation that it acts on, at reception; negative: from the future."""
    frame: str = "soil"


def content(target: Target, settings: DriverSettings) -> Stop | None:
    """What a command shows by itself: numbers, frame, age, box."""
    if not all(math.isfinite(v) for v in (*target.pose, target.duration, target.age)):
        return Stop(Cause.COMMAND_NOT_FINITE, f"command {target.sequence} is {target.pose} in {target.duration} s")
    if target.frame != "soil":
        return Stop(Cause.COMMAND_FRAME, f"command {target.sequence} is in frame {target.frame!r}")
    if target.duration < 0:
        return Stop(Cause.COMMAND_NOT_FINITE, f"command {target.sequence} wants to arrive in {target.duration} s")
    if target.age > settings.command_age:
        limit = f"limit {settings.command_age:g} s"
        seen = f"command {target.sequence} acts on an observation {target.age:.2f} s old ({limit})"
        return Stop(Cause.COMMAND_STALE, seen)
    if target.age < -settings.command_age:
        return Stop(Cause.COMMAND_STALE, f"command {target.sequence} is stamped {-target.age:.2f} s in the future")
    for name, value, low, high in zip(AXES, target.pose, settings.box_low, settings.box_high):
        if not low <= value <= high:
            seen = f"command {target.sequence} has {name} = {value:.3f}, the box is {low:g} to {high:g}"
            return Stop(Cause.COMMAND_OUTSIDE, seen)
    return None


def step(target: Target, last: Sequence[float], settings: DriverSettings) -> Stop | None:
    """Whether a command of a stream lies within twice of what the speed limits allow in its time from the last one.

    Twice, because a stream may ask for more than the limits for a moment; the plan then takes longer.
    """
    if target.duration == 0:
        return None
    way = math.dist(target.pose[:3], last[:3])
    turn = abs(target.pose[3] - last[3])
    reach, sweep = 2 * settings.max_speed * target.duration, 2 * settings.max_turn_rate * target.duration
    if way > reach:
        limit = f"{reach * 1e3:.0f} mm is the limit for {target.duration:g} s"
        seen = f"command {target.sequence} is {way * 1e3:.0f} mm from the last, {limit}"
        return Stop(Cause.COMMAND_JUMP, seen)
    if turn > sweep:
        limit = f"{sweep:.2f} rad is the limit for {target.duration:g} s"
        seen = f"command {target.sequence} is {turn:.2f} rad from the last, {limit}"
        return Stop(Cause.COMMAND_JUMP, seen)
    return None


def tilt(setpoint: Setpoint, settings: DriverSettings) -> Stop | None:
    """Whether the bucket is level enough for a motion to begin there."""
    angle = math.hypot(*setpoint[4:])
    if angle <= settings.max_tilt:
        return None
    limit = f"limit {math.degrees(settings.max_tilt):.0f} deg"
    seen = f"the bucket's lateral axis is tilted by {math.degrees(angle):.0f} deg ({limit})"
    return Stop(Cause.TILT, seen)


class Reach:
    """What the arm's joints can do, by its nominal kinematics."""

    def __init__(self, cell: Cell, frames: ToolFrames, settings: DriverSettings) -> None:
        self._bucket_from_tool0 = cell.tool0_from_bucket.inverse()
        self._frames = frames
        self._settings = settings

    def check(
        self, start: Setpoint, joints: Sequence[float], goal: Sequence[float], *, stride: float = 0.05
    ) -> tuple[Stop | None, float]:
        """A reason not to go straight from start to goal, and the greatest joint speed on the way if it takes 1 s, rad.

        The way is looked at each `stride` (m, and rad times ten).
        """
        end = (*goal, 0.0, 0.0, 0.0)
        length = max(math.dist(start[:3], end[:3]), math.dist(start[3:], end[3:]) / 10)
        count = max(1, math.ceil(length / stride))
        near, fastest = np.asarray(joints, float), 0.0
        for i in range(1, count + 1):
            place = [p + (q - p) * i / count for p, q in zip(start, end)]
            stop, solution = self._at(place, near)
            if stop is not None or solution is None:
                return stop, 0.0
            fastest = max(fastest, float(np.abs(solution - near).max()) * count)
            near = solution
        return None, fastest

    def _at(self, place: Sequence[float], near: np.ndarray) -> tuple[Stop | None, np.ndarray | None]:
        where = f"x {place[0]:.3f}, y {place[1]:.3f}, z {place[2]:.3f} m, pitch {place[3]:.2f} rad"
        solutions = ur5e.inverse(flange_matrix(self._frames.to_ur(place), self._bucket_from_tool0), near)
        if not solutions or np.abs(solutions[0] - near).max() > 1.0:
            return Stop(
                Cause.UNREACHABLE, f"the arm cannot bring the bucket to {where} without changing its posture"
            ), None
        joints = solutions[0]
        worst = int(np.abs(joints).argmax())
        if abs(joints[worst]) > ur5e.JOINT_LIMIT - self._settings.joint_margin:
            seen = f"at {where} the {ur5e.JOINT_NAMES[worst]} would be at {math.degrees(joints[worst]):.0f} deg"
            return Stop(Cause.JOINT_RANGE, seen), None
        distance = ur5e.singularity_distance(joints)
        if distance < self._settings.singularity_margin:
            margin = f"margin {self._settings.singularity_margin:g}"
            seen = f"at {where} the arm is near a singularity ({distance:.3f}, {margin})"
            return Stop(Cause.SINGULARITY, seen), None
        return None, joints
