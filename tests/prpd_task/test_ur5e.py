from __future__ import annotations

import numpy as np
import pytest

from prpd_task import ur5e

RNG = np.random.default_rng(3)
ANYWHERE = [RNG.uniform(-np.pi, np.pi, 6) for _ in range(40)]


@pytest.mark.parametrize("joints", ANYWHERE[:20])
def test_inverse_finds_the_joints_first_and_only_true_solutions(joints: np.ndarray) -> None:
    pose = ur5e.forward(joints)
    solutions = ur5e.inverse(pose, joints)
    np.testing.assert_allclose(solutions[0], joints, atol=1e-7)
    assert len({ur5e.configuration(s) for s in solutions}) == len(solutions)
    for solution in solutions:
        np.testing.assert_allclose(ur5e.forward(solution), pose, atol=1e-9)


def test_inverse_has_nothing_for_poses_out_of_reach_or_within_the_base() -> None:
    pose = np.eye(4)
    pose[:3, 3] = (1.5, 0.0, 0.3)
    assert ur5e.inverse(pose, np.zeros(6)) == []
    pose[:3, 3] = (0.05, 0.05, 0.5)
    assert ur5e.inverse(pose, np.zeros(6)) == []


def test_inverse_turns_joints_towards_the_near_ones_but_not_beyond_their_range() -> None:
    joints = np.array([0.3, -1.2, 1.4, -1.7, -1.5, 0.2])
    near = joints + 2 * np.pi * np.array([0, 0, 0, 1, 0, -1])
    solution = ur5e.inverse(ur5e.forward(joints), near)[0]
    np.testing.assert_allclose(solution, near, atol=1e-7)
    assert np.abs(ur5e.inverse(ur5e.forward(joints), joints + 4 * np.pi)[0]).max() <= ur5e.JOINT_LIMIT


@pytest.mark.parametrize("joints", ANYWHERE[20:25])
def test_jacobian_is_the_derivative_of_the_pose(joints: np.ndarray) -> None:
    step, base = 1e-6, ur5e.forward(joints)
    numeric = np.zeros((6, 6))
    for i in range(6):
        moved = joints.copy()
        moved[i] += step
        there = ur5e.forward(moved)
        turn = there[:3, :3] @ base[:3, :3].T
        numeric[:3, i] = (there[:3, 3] - base[:3, 3]) / step
        numeric[3:, i] = np.array([turn[2, 1], turn[0, 2], turn[1, 0]]) / step
    np.testing.assert_allclose(ur5e.jacobian(joints), numeric, atol=1e-5)


@pytest.mark.parametrize("name, joints", [("elbow", (0, -1, 0, -1, -1.5, 0)), ("wrist", (0, -1, 1.5, -1, 0, 0))])
def test_singularities_have_no_distance(name: str, joints: tuple) -> None:
    assert ur5e.singularity_distance(joints) == pytest.approx(0, abs=1e-9), name
    assert ur5e.singularity_distance((0, -1.4, 1.8, -1.9, -1.5, 0)) > 0.1
