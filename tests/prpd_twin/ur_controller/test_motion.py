from __future__ import annotations

import numpy as np
import pytest

from prpd_twin.ur_controller.kinematics import pose_from_ur
from prpd_twin.ur_controller.motion import JointPath, LinePath, Trapezoid, approach, brake, servo_step

PERIOD = 0.002


@pytest.mark.parametrize("length, speed, acceleration", [(1.0, 0.5, 2.0), (0.01, 0.5, 2.0), (0.125, 0.5, 2.0)])
def test_trapezoid_keeps_its_limits_and_arrives(length: float, speed: float, acceleration: float) -> None:
    profile = Trapezoid(length, speed, acceleration)
    times = np.linspace(0, profile.duration, 2001)
    places = np.array([profile.at(t) for t in times])
    speeds = np.gradient(places, times)
    assert places[0] == 0 and places[-1] == length
    assert speeds.min() >= -1e-9 and speeds.max() <= speed + 1e-9
    assert np.abs(np.gradient(speeds, times)).max() <= acceleration * 1.001
    assert profile.at(profile.duration + 1) == length
    assert speeds.max() == pytest.approx(profile.peak, rel=1e-2)


def test_trapezoid_of_no_length_takes_no_time() -> None:
    assert Trapezoid(0.0, 1.0, 1.0).duration == 0
    with pytest.raises(ValueError, match="speed"):
        Trapezoid(1.0, 0.0, 1.0)


def test_joint_path_is_straight_and_led_by_the_longest_way() -> None:
    start, goal = np.zeros(6), np.array([0.1, -0.4, 0.2, 0.0, 0.0, 0.3])
    path = JointPath(start, goal, 1.0, 2.0)
    middle = path.at(path.duration / 2)
    np.testing.assert_allclose(middle, goal / 2, atol=1e-12)
    np.testing.assert_allclose(path.at(path.duration), goal)
    assert path.duration == Trapezoid(0.4, 1.0, 2.0).duration


def test_line_path_is_straight_and_turns_evenly() -> None:
    start, goal = pose_from_ur([0, 0, 0, 0.1, 0, 0]), pose_from_ur([0.3, 0.4, 0, 0.1, 0, 0.6])
    path = LinePath(start, goal, 0.25, 1.2)
    for share in (0.0, 0.3, 1.0):
        pose = path.at(share * path.duration)
        along = pose.translation @ np.array([0.6, 0.8, 0]) / 0.5
        np.testing.assert_allclose(pose.translation, along * np.array([0.3, 0.4, 0]), atol=1e-12)
    np.testing.assert_allclose(path.at(path.duration).homogeneous, goal.homogeneous, atol=1e-12)


def follow(lookahead: float, gain: float, target: callable, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    joints, speeds, trace = np.zeros(1), np.zeros(1), []
    for i in range(round(seconds / PERIOD)):
        joints, speeds = servo_step(joints, speeds, target(i * PERIOD), lookahead=lookahead, gain=gain, period=PERIOD)
        trace.append(float(joints[0]))
    return np.array(trace), speeds


@pytest.mark.parametrize("lookahead, gain", [(0.1, 300), (0.03, 600), (0.05, 600), (0.2, 2000), (0.03, 2000)])
def test_servo_arrives_and_lags_a_steady_target_by_its_lookahead(lookahead: float, gain: float) -> None:
    trace, _ = follow(lookahead, gain, lambda t: np.array([0.1]), 2.0)
    assert trace[-1] == pytest.approx(0.1, abs=1e-5)
    trace, _ = follow(lookahead, gain, lambda t: np.array([0.2 * t]), 3.0)
    assert 0.2 * 3.0 - trace[-1] == pytest.approx(0.2 * lookahead, abs=0.2 * 3 * PERIOD)


def test_servo_gain_makes_it_stiffer_and_lookahead_calmer() -> None:
    def overshoot(lookahead: float, gain: float) -> float:
        return follow(lookahead, gain, lambda t: np.array([0.1]), 2.0)[0].max() - 0.1

    def rise(lookahead: float, gain: float) -> int:
        return int(np.argmax(follow(lookahead, gain, lambda t: np.array([0.1]), 2.0)[0] > 0.05))

    assert rise(0.1, 1000) < rise(0.1, 300)
    assert overshoot(0.03, 300) > overshoot(0.1, 300)


def test_approach_and_brake_take_bounded_steps_to_the_end() -> None:
    value, goal = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    step = approach(value, goal, 0.1)
    assert np.linalg.norm(step - value) == pytest.approx(0.1)
    np.testing.assert_array_equal(approach(value, goal, 2.0), goal)
    np.testing.assert_allclose(brake(np.array([0.5, -1.0]), 0.1), [0.45, -0.9])
    np.testing.assert_array_equal(brake(np.array([0.05, -0.1]), 0.1), [0, 0])
