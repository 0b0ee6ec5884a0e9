from __future__ import annotations

import numpy as np
import pytest

from prpd_control.driver import preflight
from prpd_control.driver.stops import Cause
from prpd_control.modes import Mode
from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.frames import Pose

CELL = Cell()
JOINTS = (-0.64, -1.39, 2.12, -2.38, -1.72, -2.07)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("5.12.4.1101661", True),
        ("5.6.0.1", True),
        ("5.22.1.9", True),
        ("5.5.1.1", False),
        ("3.15.8.1", False),
        ("10.11.0.1", False),
        ("?", False),
    ],
)
def test_version(text, good):
    stop = preflight.version(text)
    assert (stop is None) == good
    assert good or (stop.cause is Cause.WRONG_VERSION and text in stop.message)


@pytest.mark.parametrize(
    ("mode", "safety", "remote", "cause"),
    [
        ("RUNNING", "NORMAL", True, None),
        ("RUNNING", "REDUCED", True, None),
        ("RUNNING", "NORMAL", False, Cause.NOT_REMOTE),
        ("POWER_OFF", "NORMAL", True, Cause.NOT_RUNNING),
        ("IDLE", "NORMAL", True, Cause.NOT_RUNNING),
        ("RUNNING", "PROTECTIVE_STOP", True, Cause.PROTECTIVE_STOP),
        ("POWER_OFF", "ROBOT_EMERGENCY_STOP", True, Cause.EMERGENCY_STOP),
        ("RUNNING", "AUTOMATIC_MODE_SAFEGUARD_STOP", True, Cause.SAFEGUARD_STOP),
        ("RUNNING", "FAULT", True, Cause.SAFETY_FAULT),
        ("RUNNING", "VIOLATION", True, Cause.SAFETY_FAULT),
    ],
)
def test_readiness(mode, safety, remote, cause):
    stop = preflight.readiness(
        robot_mode=f"Robotmode: {mode}", safety_status=f"Safetystatus: {safety}", remote=remote, dry_run=False
    )
    assert (stop and stop.cause) == cause


def test_a_dry_run_needs_no_remote_control():
    assert (
        preflight.readiness(
            robot_mode="Robotmode: RUNNING", safety_status="Safetystatus: NORMAL", remote=False, dry_run=True
        )
        is None
    )


def test_tcp():
    right = CELL.tool0_from_bucket.rotation_vector()
    assert preflight.tcp(right, CELL) is None
    stop = preflight.tcp(right + [0, 0, 0.002, 0, 0, 0], CELL)
    assert stop.cause is Cause.TCP_MISMATCH and "Installation" in stop.message
    assert preflight.tcp([0] * 6, CELL).cause is Cause.TCP_MISMATCH


def test_calibration():
    pose = Pose.from_arrays(*_split(ur5e.forward(JOINTS))) @ CELL.tool0_from_bucket
    assert preflight.calibration(JOINTS, pose.rotation_vector(), CELL) is None
    assert preflight.calibration(JOINTS, pose.rotation_vector() + [0.004, 0, 0, 0, 0, 0], CELL) is None
    assert (
        preflight.calibration(JOINTS, pose.rotation_vector() + [0.02, 0, 0, 0, 0, 0], CELL).cause
        is Cause.CALIBRATION_MISMATCH
    )


def _split(matrix):
    angle = Pose.from_rotation_vector([*matrix[:3, 3], *_log(matrix[:3, :3])])
    return angle.position, angle.quaternion


def _log(rotation):
    angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1))
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    return axis / (2 * np.sin(angle)) * angle


def test_payload():
    assert preflight.payload(0.5, 0.45) == ""
    assert "Payload" in preflight.payload(0.0, 0.45)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_reason_says_what_to_do(cause):
    assert cause.mode in (Mode.STOPPED, Mode.FAULT, Mode.DISCONNECTED)
    assert len(cause.remedy) > 20 and cause.remedy.endswith(".")
    assert "recover" in cause.remedy or cause is Cause.WRONG_VERSION
    if cause.mode is Mode.FAULT:
        assert "pendant" in cause.remedy or cause is Cause.SAFEGUARD_STOP
