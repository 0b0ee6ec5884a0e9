"""What must be right before a connection is used: pure judgements of what the controller says about itself."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from prpd_control.driver.stops import Cause, Stop
from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.frames import Pose

OLDEST, NEWEST_MAJOR = (5, 6), 5
"""Before 5.6 a controller cannot tell whether it is in remote control; from 10 on (PolyScope X) it has no dashboard."""
TCP_TOLERANCE = (5e-4, 5e-3)
"""m and rad, between the pendant's TCP and the cell's."""
CALIBRATION_TOLERANCE = (0.01, 0.03)
"""m and rad, between an arm's own calibrated kinematics and the nominal ones; real arms differ by some millimetres."""


def version(text: str) -> Stop | None:
    """Whether this program can work with a controller's software."""
    numbers = re.search(r"(\d+)\.(\d+)", text)
    if numbers is None:
        return Stop(Cause.WRONG_VERSION, f"the controller calls its version {text!r}")
    found = (int(numbers[1]), int(numbers[2]))
    if found < OLDEST or found[0] > NEWEST_MAJOR:
        return Stop(Cause.WRONG_VERSION, f"the controller runs PolyScope {text}")
    return None


def readiness(*, robot_mode: str, safety_status: str, remote: bool, dry_run: bool) -> Stop | None:
    """Whether the arm is on, safe, and open to programs from outside, by the dashboard's words."""
    safety = safety_status.split(":")[-1].strip().upper()
    if "EMERGENCY" in safety:
        return Stop(Cause.EMERGENCY_STOP, f"the controller's safety status is {safety}")
    if "PROTECTIVE" in safety:
        return Stop(Cause.PROTECTIVE_STOP, f"the controller's safety status is {safety}")
    if "SAFEGUARD" in safety or "THREE_POSITION" in safety:
        return Stop(Cause.SAFEGUARD_STOP, f"the controller's safety status is {safety}")
    if safety not in ("NORMAL", "REDUCED"):
        return Stop(Cause.SAFETY_FAULT, f"the controller's safety status is {safety}")
    mode = robot_mode.split(":")[-1].strip().upper()
    if mode != "RUNNING":
        return Stop(Cause.NOT_RUNNING, f"the arm is in mode {mode}")
    if not remote and not dry_run:
        return Stop(Cause.NOT_REMOTE, "the robot is in local control")
    return None


def tcp(offset: Sequence[float], cell: Cell) -> Stop | None:
    """Whether the active TCP (UR pose in the flange's frame) is the cell's bucket."""
    distance, angle = _apart(Pose.from_rotation_vector(offset), cell.tool0_from_bucket)
    if distance <= TCP_TOLERANCE[0] and angle <= TCP_TOLERANCE[1]:
        return None
    wanted = cell.tool0_from_bucket.rotation_vector()
    return Stop(
        Cause.TCP_MISMATCH,
        f"the controller's active TCP is {_numbers(offset)}, the cell's bucket is at {_numbers(wanted)} "
        "(x, y, z in mm; rx, ry, rz in rad)",
    )


def calibration(joints: Sequence[float], ur_pose: Sequence[float], cell: Cell) -> Stop | None:
    """Whether the measured TCP pose is where a UR5e with the cell's bucket has it at these joint angles."""
    measured = Pose.from_rotation_vector(ur_pose) @ cell.tool0_from_bucket.inverse()
    flange = ur5e.forward(joints)
    distance = math.dist(measured.position, flange[:3, 3])
    cosine = (float(np.trace(flange[:3, :3].T @ measured.matrix()[:3, :3])) - 1) / 2
    angle = math.acos(min(max(cosine, -1.0), 1.0))
    if distance <= CALIBRATION_TOLERANCE[0] and angle <= CALIBRATION_TOLERANCE[1]:
        return None
    seen = (
        f"the measured bucket is {distance * 1e3:.0f} mm and {math.degrees(angle):.1f} deg from where a UR5e with the "
        "cell's TCP has it"
    )
    return Stop(Cause.CALIBRATION_MISMATCH, seen)


def payload(mass: float, expected: float) -> str:
    """A warning where the payload set on the pendant is not the bucket's; empty where it is."""
    if abs(mass - expected) <= 0.15:
        return ""
    return (
        f"the controller's payload is {mass:.2f} kg, the bucket has {expected:.2f} kg, so forces are wrong until "
        "`home` has tared them. On the pendant, Installation > General > Payload: enter mass and centre of gravity."
    )


def _apart(a: Pose, b: Pose) -> tuple[float, float]:
    difference = a.inverse() @ b
    return float(np.linalg.norm(difference.position)), float(np.linalg.norm(difference.rotation_vector()[3:]))


def _numbers(ur_pose: Sequence[float] | np.ndarray) -> str:
    x, y, z, rx, ry, rz = ur_pose
    return f"({x * 1e3:.1f}, {y * 1e3:.1f}, {z * 1e3:.1f}; {rx:.3f}, {ry:.3f}, {rz:.3f})"
