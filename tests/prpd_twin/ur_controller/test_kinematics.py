from __future__ import annotations

import numpy as np
import pinocchio as pin
import pytest

from prpd_task import ur5e
from prpd_task.bucket import BucketGeometry
from prpd_twin.ur_controller.kinematics import ArmModel, UnreachableError, pose_from_ur, pose_to_ur

RNG = np.random.default_rng(1)
ANYWHERE = [RNG.uniform(-np.pi, np.pi, 6) for _ in range(20)]
TCP = pose_from_ur([0.01, -0.02, 0.3, 0.2, 0.1, -0.3])


@pytest.mark.parametrize("joints", ANYWHERE)
def test_the_urdf_is_the_arm_of_the_published_dh_parameters(model: ArmModel, joints: np.ndarray) -> None:
    np.testing.assert_allclose(model.flange(joints).homogeneous, ur5e.forward(joints), atol=1e-9)
    np.testing.assert_allclose(model.jacobian(joints), ur5e.jacobian(joints), atol=1e-9)


def test_limits_are_the_published_ones(model: ArmModel) -> None:
    np.testing.assert_allclose(model.position_high, ur5e.JOINT_LIMIT, atol=1e-9)
    np.testing.assert_allclose(model.position_low, -ur5e.JOINT_LIMIT, atol=1e-9)
    np.testing.assert_allclose(model.speed_limit, ur5e.JOINT_SPEED_LIMIT, atol=1e-9)


@pytest.mark.parametrize("joints", ANYWHERE)
def test_ur_poses_go_forth_and_back(model: ArmModel, joints: np.ndarray) -> None:
    pose = model.flange(joints)
    numbers = pose_to_ur(pose)
    assert np.linalg.norm(numbers[3:]) <= np.pi + 1e-12
    np.testing.assert_allclose(pose_from_ur(numbers).homogeneous, pose.homogeneous, atol=1e-9)


@pytest.mark.parametrize("joints", ANYWHERE[:8])
def test_tcp_moves_with_the_flange(model: ArmModel, joints: np.ndarray) -> None:
    model.tcp = TCP
    np.testing.assert_allclose(model.forward(joints).homogeneous, (model.flange(joints) * TCP).homogeneous, atol=1e-12)
    speeds, step = np.array([0.3, -0.2, 0.5, 0.1, -0.4, 0.7]), 1e-7
    before, after = model.forward(joints), model.forward(joints + step * speeds)
    twist = model.jacobian(joints) @ speeds
    np.testing.assert_allclose(twist[:3], (after.translation - before.translation) / step, atol=1e-5)
    np.testing.assert_allclose(twist[3:], pin.log3(after.rotation @ before.rotation.T) / step, atol=1e-5)


@pytest.mark.parametrize("joints", ANYWHERE)
def test_inverse_follows_near_targets_and_finds_far_ones(model: ArmModel, joints: np.ndarray) -> None:
    model.tcp = TCP
    pose = model.forward(joints)
    if ur5e.singularity_distance(joints) > 0.03:
        np.testing.assert_allclose(model.inverse(pose, joints + 0.01), joints, atol=1e-9)
    far = model.inverse(pose, np.array([0.0, -1.5, 1.5, -1.5, -1.5, 0.0]))
    np.testing.assert_allclose(model.forward(far).homogeneous, pose.homogeneous, atol=1e-9)


@pytest.mark.parametrize("place", [(1.2, 0.0, 0.3, 0.0, 3.1, 0.0), (0.0, 0.05, 0.4, 0.0, 3.1, 0.0), (np.nan,) * 6])
def test_inverse_names_what_it_cannot_reach(model: ArmModel, place: tuple) -> None:
    with pytest.raises(UnreachableError, match="no joint angles"):
        model.inverse(pose_from_ur(place), np.array([0.0, -1.5, 1.5, -1.5, -1.5, 0.0]))


def test_gravity_pulls_a_stretched_arm_down(model: ArmModel) -> None:
    torques = model.gravity_torques(np.array([0.4, 0.0, 0.0, 0.0, 0.0, 0.0]))
    assert abs(torques[0]) < 1e-9, "the first axis is vertical"
    # Published masses (kg) at their distances (m) from the second axis, arm stretched towards -x of the shoulder.
    masses = [8.058, 2.846, 1.37, 1.3, 0.365 + BucketGeometry().mass]
    arms = [0.2125, 0.425 + 0.2422, 0.8172, 0.8172, 0.8172]
    assert abs(torques[1]) == pytest.approx(9.81 * np.dot(masses, arms), rel=0.01)


def test_an_arm_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="6 joints"):
        ArmModel("<robot name='x'><link name='base'/></robot>")
