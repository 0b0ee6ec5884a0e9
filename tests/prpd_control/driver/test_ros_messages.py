from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("prpd_interfaces", reason="the interfaces are not built: run ./prpd build")

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.time import Time

from prpd_control.driver import ros_messages, static_frames
from prpd_control.driver.state_block import State
from prpd_control.modes import Mode
from prpd_task.cell import Cell
from prpd_task.frames import Pose, pitch_quaternion

STATE = State(
    mode=Mode.STREAMING, reason="", sequence=5, lost_commands=0, cycles=1, writes=1, skipped=0, time=1.0, age=0.001,
    timestamp=2.0, speed_scaling=1.0, late_median=1e-5, late_p99=1e-4, late_max=1e-3,
    setpoint=(0.1, -0.2, 0.05, 0.3, 0, 0, 0),
    velocity=(1, 2, 3, 4, 5, 6), force=(7, 8, 9), torque=(10, 11, 12), joints=(1, 2, 3, 4, 5, 6),
    joint_speeds=(6, 5, 4, 3, 2, 1), ur_pose=(0,) * 6,
)  # fmt: skip
STAMP = Time(seconds=12, nanoseconds=5)


def test_bucket_state():
    floats = State(
        **{n: tuple(map(float, v)) if isinstance(v := getattr(STATE, n), tuple) else v for n in STATE.__slots__}
    )
    message = ros_messages.bucket_state(floats, stamp=STAMP, mode=Mode.STREAMING, reason="", dry_run=False)
    assert message.header.frame_id == "soil" and message.header.stamp.sec == 12
    assert (message.pose.position.x, message.pose.position.y, message.pitch) == (0.1, -0.2, 0.3)
    q = message.pose.orientation
    assert (q.x, q.y, q.z, q.w) == pytest.approx(tuple(pitch_quaternion(np.float64(0.3))))
    assert message.twist.angular.z == 6.0 and message.wrench.force.y == 8.0 and message.command_sequence == 5


def test_without_any_state_nothing_looks_measured():
    message = ros_messages.bucket_state(None, stamp=STAMP, mode=Mode.DISCONNECTED, reason="why", dry_run=True)
    assert message.header.stamp.sec == 0 and message.mode == 0 and message.reason == "why" and message.dry_run


@pytest.mark.parametrize(
    ("mode", "warnings", "level"),
    [
        (Mode.IDLE, [], DiagnosticStatus.OK),
        (Mode.IDLE, ["payload"], DiagnosticStatus.WARN),
        (Mode.FAULT, [], DiagnosticStatus.ERROR),
    ],
)
def test_diagnostics(mode, warnings, level):
    array = ros_messages.diagnostics(
        STATE, stamp=STAMP, mode=mode, reason="", warnings=warnings, facts={"robot_ip": "1.2.3.4"}
    )
    assert array.status[0].level == level and array.status[0].hardware_id == "1.2.3.4"


def test_static_transforms_are_the_cells():
    cell = Cell()
    transforms = static_frames.static_transforms(cell, STAMP, with_camera=True)
    found = {(t.header.frame_id, t.child_frame_id): t.transform for t in transforms}
    there = found["base_link", "soil"]
    pose = Pose.from_arrays(
        (there.translation.x, there.translation.y, there.translation.z),
        (there.rotation.x, there.rotation.y, there.rotation.z, there.rotation.w),
    )
    assert np.allclose(pose.matrix(), cell.base_link_from_soil.matrix())
    arm = {("base_link", "base"), ("base_link", "soil"), ("tool0", "bucket")}
    assert set(found) == arm | {("soil", "camera_depth_optical_frame")}
    without = static_frames.static_transforms(cell, STAMP, with_camera=False)
    assert {(t.header.frame_id, t.child_frame_id) for t in without} == arm
