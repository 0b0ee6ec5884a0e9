"""The bucket's URDF in another program, with the drives that Isaac Gym is asked for: it follows, and hardly yields."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest

from prpd_train.scene.generator import make_scene
from prpd_train.scene.pieces import rigid_scene

sapien = pytest.importorskip("sapien", reason="sapien (PhysX 5) is not installed")
RATE = 240
"""Substeps in a second."""


@pytest.fixture
def bucket(fake, tmp_path):
    """An articulation of PhysX 5, and its scene."""
    body = rigid_scene(make_scene(0.05)).buckets[0]
    text = importlib.import_module("prpd_train.engines.isaacgym.urdf").bucket_urdf(body)
    build = importlib.import_module("prpd_train.engines.isaacgym.build")
    path = tmp_path / "bucket.urdf"
    # Materials for looks need a graphics device.
    path.write_text(re.sub("<visual.*?</visual>", "", text, flags=re.DOTALL))
    scene = sapien.Scene([sapien.physx.PhysxCpuSystem()])
    scene.set_timestep(1 / RATE)
    loader = scene.create_urdf_loader()
    loader.fix_root_link = True
    robot = loader.load(str(path))
    assert [joint.name for joint in robot.active_joints] == ["x", "y", "z", "pitch"]
    assert [len(link.collision_shapes) for link in robot.links] == [0, 0, 0, 0, len(body.pieces)]
    for link in robot.links:
        link.disable_gravity = True
    for joint in robot.active_joints:
        joint.set_drive_properties(build.DRIVE_STIFFNESS, build.DRIVE_DAMPING)
    return robot, scene


def aim(bucket, pose):
    robot, scene = bucket
    for joint, position in zip(robot.active_joints, pose):
        joint.set_drive_target(float(position))
    scene.step()


def test_it_trails_a_moving_target_by_milliseconds(bucket):
    speed = np.array([0.2, -0.2, 0.1, 1.0])
    for substep in range(1, RATE // 5):
        aim(bucket, speed * substep / RATE)
    late = (speed * substep / RATE - bucket[0].qpos) / speed
    assert (late > 0.001).all()
    assert (late < 0.005).all()


def test_it_yields_by_a_tenth_of_a_millimetre(bucket):
    robot = bucket[0]
    for _ in range(RATE // 5):
        robot.links[-1].add_force_at_point(np.float32([0.0, 0.0, -100.0]), robot.links[-1].entity_pose.p)
        aim(bucket, np.zeros(4))
    assert -1.5e-4 < robot.qpos[2] < -0.5e-4
    np.testing.assert_allclose(robot.qpos[[0, 1, 3]], 0.0, atol=1e-6)


def test_it_moves_and_turns_as_a_bucket_pose_says(bucket):
    from prpd_task.frames import Pose

    pose = np.array([0.1, -0.2, 0.3, 0.4])
    for _ in range(RATE):
        aim(bucket, pose)
    where = bucket[0].links[-1].entity_pose
    there = Pose.from_bucket(pose)
    np.testing.assert_allclose(where.p, there.position, atol=1e-4)
    np.testing.assert_allclose(where.q[[1, 2, 3, 0]], there.quaternion, atol=1e-4)
