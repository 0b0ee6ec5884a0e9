"""Poses, quaternions and bucket poses against SciPy's rotations and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from prpd_task.frames import (
    Pose,
    bucket_to_soil,
    pitch_quaternion,
    quaternion_conjugate,
    quaternion_multiply,
    quaternion_rotate,
    soil_to_bucket,
)

angles = st.floats(-3.1, 3.1)
lengths = st.floats(-2.0, 2.0)
bucket_poses = st.tuples(lengths, lengths, lengths, st.floats(-1.5, 1.5)).map(np.array)
points = st.tuples(lengths, lengths, lengths).map(np.array)

settings.register_profile("prpd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("prpd")  # how busy the machine is says nothing about rotations


@given(angles, angles, angles, points)
def test_roll_pitch_yaw_is_urdf_convention(roll: float, pitch: float, yaw: float, point: np.ndarray) -> None:
    pose = Pose.from_rpy((0.1, -0.2, 0.3), roll, pitch, yaw)
    rotation = Rotation.from_euler("xyz", [roll, pitch, yaw])
    np.testing.assert_allclose(pose.apply(point), rotation.apply(point) + [0.1, -0.2, 0.3], atol=1e-12)
    np.testing.assert_allclose(pose.matrix()[:3, :3], rotation.as_matrix(), atol=1e-12)


@given(angles, angles, angles, angles, angles, angles, points)
def test_compose_and_invert(a: float, b: float, c: float, d: float, e: float, f: float, point: np.ndarray) -> None:
    first, second = Pose.from_rpy((1, 2, 3), a, b, c), Pose.from_rpy((-1, 0, 0.5), d, e, f)
    np.testing.assert_allclose((first @ second).apply(point), first.apply(second.apply(point)), atol=1e-9)
    np.testing.assert_allclose((first @ first.inverse()).matrix(), np.eye(4), atol=1e-12)


@given(angles, angles, angles)
def test_rotation_vector_round_trip(a: float, b: float, c: float) -> None:
    pose = Pose.from_rpy((0.4, -0.3, 0.2), a, b, c)
    vector = pose.rotation_vector()
    expected = Rotation.from_quat(pose.quaternion)
    assert np.linalg.norm(vector[3:]) <= np.pi + 1e-9
    np.testing.assert_allclose(Rotation.from_rotvec(vector[3:]).as_matrix(), expected.as_matrix(), atol=1e-9)
    np.testing.assert_allclose(Pose.from_rotation_vector(vector).matrix(), pose.matrix(), atol=1e-9)


def test_rotation_vector_of_no_rotation() -> None:
    np.testing.assert_array_equal(Pose((1.0, 2.0, 3.0)).rotation_vector(), [1, 2, 3, 0, 0, 0])
    assert Pose.from_rotation_vector([1, 2, 3, 0, 0, 0]) == Pose((1.0, 2.0, 3.0))


@given(bucket_poses, points)
def test_bucket_frame_agrees_with_general_pose(bucket_pose: np.ndarray, point: np.ndarray) -> None:
    pose = Pose.from_bucket(bucket_pose)
    np.testing.assert_allclose(bucket_to_soil(bucket_pose, point), pose.apply(point), atol=1e-12)
    np.testing.assert_allclose(soil_to_bucket(bucket_pose, bucket_to_soil(bucket_pose, point)), point, atol=1e-12)
    np.testing.assert_allclose(pose.bucket_pose(), bucket_pose, atol=1e-12)
    assert pose.tilt() == pytest.approx(0.0, abs=1e-6)


def test_positive_pitch_raises_the_tips() -> None:
    tips = bucket_to_soil(np.array([0.0, 0.0, 0.0, 0.3]), np.array([0.0, 0.06, 0.0]))
    assert tips[2] > 0


def test_tilt_is_what_a_bucket_pose_leaves_out() -> None:
    assert Pose.from_rpy((0, 0, 0), roll=0.4, yaw=0.1).tilt() == pytest.approx(0.1)


def test_torch_tensors_pass_through() -> None:
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 5, 4))
    a, b = a / np.linalg.norm(a, axis=-1, keepdims=True), b / np.linalg.norm(b, axis=-1, keepdims=True)
    points, poses = generator.normal(size=(5, 3)), generator.normal(size=(5, 4))
    for function, arguments in (
        (quaternion_multiply, (a, b)),
        (quaternion_rotate, (a, points)),
        (quaternion_conjugate, (a,)),
        (pitch_quaternion, (poses[:, 3],)),
        (soil_to_bucket, (poses, points)),
        (bucket_to_soil, (poses, points)),
    ):
        result = function(*(torch.from_numpy(v) for v in arguments))
        assert isinstance(result, torch.Tensor)
        np.testing.assert_allclose(result.numpy(), function(*arguments), atol=1e-12)
