"""Between ROS messages and the excavation's readings."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Point

from prpd_control.excavate.orders import PolicyStep
from prpd_control.excavate.readings import BucketReading, RockReading, RockStatus
from prpd_control.modes import Mode
from prpd_interfaces.msg import BucketCommand, BucketState, PolicyStatus, RockState
from prpd_task.contract import Contract
from prpd_task.frames import Pose

FRAME = "soil"


def seconds(time: Time | Duration) -> float:
    """S."""
    return float(time.sec + 1e-9 * time.nanosec)


def duration(length: float) -> Duration:
    """Of `length` s."""
    whole = int(length)
    return Duration(sec=whole, nanosec=round((length - whole) * 1e9))


def bucket_reading(message: BucketState, *, stamp: float) -> BucketReading:
    """`stamp` is the measurement's time on the excavation's clock, s."""
    p, q, f = message.pose.position, message.pose.orientation, message.wrench.force
    pose = Pose.from_arrays((p.x, p.y, p.z), (q.x, q.y, q.z, q.w)).bucket_pose()
    return BucketReading(stamp, pose, np.array([f.x, f.y, f.z]), Mode(message.mode), message.reason)


def rock_reading(message: RockState, *, stamp: float) -> RockReading:
    """`stamp` is the image's time on the excavation's clock, s."""
    p, s = message.pose.pose.position, message.size
    return RockReading(
        stamp=stamp,
        position=np.array([p.x, p.y, p.z]),
        size=np.array([s.x, s.y, s.z]),
        in_bucket=float(message.in_bucket),
        confidence=float(message.confidence),
        surface_height=float(message.surface_height),
        status=RockStatus(message.status),
        message=message.message,
    )


def bucket_command(target: np.ndarray, *, stamp: Time, sequence: int, period: float) -> BucketCommand:
    """Command the bucket to `target` (4,) within `period` s; with 0 it comes to rest there and none needs to follow."""
    command = BucketCommand(sequence=sequence, pitch=float(target[3]), time_to_target=duration(period))
    command.header.stamp, command.header.frame_id = stamp, FRAME
    command.position = Point(x=float(target[0]), y=float(target[1]), z=float(target[2]))
    return command


def policy_status(step: PolicyStep, *, stamp: Time, contract: Contract, digest: str) -> PolicyStatus:
    """What the policy saw and did."""
    status = PolicyStatus(
        policy=digest[:12],
        step=step.step,
        observation_names=contract.observation_names,
        observation=step.observation.astype(np.float32).tolist(),
        action=step.decision.action.astype(np.float32).tolist(),
        inference_ms=1e3 * step.decision.inference_time,
        observation_age_ms=1e3 * step.age,
        range_violation=step.range_violation,
    )
    status.header.stamp, status.header.frame_id = stamp, FRAME
    return status
