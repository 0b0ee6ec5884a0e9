"""Motions that the control script carries out: moves from rest to rest, and streams."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_twin.ur_controller.kinematics import pose_from_ur, pose_to_ur
from prpd_twin.ur_controller.safety import RuntimeState
from prpd_twin.ur_controller.upload import PathMove, PathSignal, Upload

MOVEJ, MOVEL, SPEEDJ, SPEEDL, SERVOJ, SERVOL, SPEED_STOP, SERVO_STOP, STOPJ = 1, 3, 9, 10, 11, 24, 15, 16, 34
SERVO = (0.5, 0.5, 0.002, 0.05, 600)
"""Speed, acceleration (unused), time, lookahead, gain."""


def moved(pose: np.ndarray, *by: float) -> np.ndarray:
    """A UR pose, its position shifted."""
    return pose + np.array([*by, 0, 0, 0])


# -- moves --


def test_movej_and_movel_arrive_exactly_and_straight(bench) -> None:
    goal = bench.joints + np.array([0.2, -0.1, 0.1, 0.3, 0.0, -0.4])
    assert bench.do(MOVEJ, [*goal, 1.0, 1.4], [0])
    np.testing.assert_allclose(bench.joints, goal, atol=1e-12)
    start = bench.tcp
    place = moved(start, 0.05, 0.03, -0.04)
    bench.write(MOVEL, [*place, 0.1, 0.5], [0])
    for _ in range(2000):
        bench.robot.cycle()
        way = bench.tcp[:3] - start[:3]
        off = way - np.dot(way, place[:3] - start[:3]) / np.dot(place[:3] - start[:3], place[:3] - start[:3]) * (
            place[:3] - start[:3]
        )
        assert np.linalg.norm(off) < 1e-8
        assert np.linalg.norm(bench.robot.outputs["target_TCP_speed"][:3]) < 0.1 + 1e-6
        if bench.status == 2:
            break
    np.testing.assert_allclose(bench.tcp, place, atol=1e-9)


def test_movel_fk_and_movej_ik_go_to_the_same_place_in_their_own_ways(bench) -> None:
    home = bench.joints.copy()
    goal = home + np.array([0.2, -0.1, 0.1, 0.3, 0.0, -0.4])
    pose = pose_to_ur(bench.robot.arm.model.forward(goal))
    assert bench.do(4, [*goal, 0.25, 1.2], [0])
    np.testing.assert_allclose(bench.tcp, pose, atol=1e-8)
    assert bench.do(MOVEJ, [*home, 1.0, 1.4], [0])
    assert bench.do(2, [*pose, 1.0, 1.4], [0])
    np.testing.assert_allclose(bench.joints, goal, atol=1e-8)


def test_async_move_reports_progress_and_can_be_stopped(bench) -> None:
    def running() -> bool:
        return bool(bench.robot.outputs["output_int_register_2"] & 0x8000)

    goal = bench.joints + np.array([1.0, 0, 0, 0, 0, 0])
    assert bench.do(MOVEJ, [*goal, 0.5, 1.0], [1])
    first = bench.robot.outputs["output_int_register_2"] >> 24
    assert running()
    bench.run(0.5)
    assert bench.do(STOPJ, [4.0], [0])
    assert not running()
    assert bench.robot.arm.target_speed.any() == 0
    assert bench.joints[0] < goal[0] - 0.1
    assert bench.do(MOVEJ, [*goal, 0.5, 1.0], [1])
    bench.run(5.0)
    assert not running()
    np.testing.assert_allclose(bench.joints, goal, atol=1e-12)
    assert bench.robot.outputs["output_int_register_2"] >> 24 == first + 1


def test_the_speed_slider_slows_moves(bench) -> None:
    goal = bench.joints + np.array([0.3, 0, 0, 0, 0, 0])
    bench.robot.receive({"speed_slider_mask": 1, "speed_slider_fraction": 0.5})
    bench.write(MOVEJ, [*goal, 0.5, 2.0], [0])
    fastest = 0.0
    while bench.status != 2:
        bench.robot.cycle()
        fastest = max(fastest, float(np.abs(bench.robot.arm.target_speed).max()))
    assert fastest == pytest.approx(0.25, rel=0.01)
    assert bench.robot.outputs["target_speed_fraction"] == 0.5


def test_a_path_of_waypoints(make_bench) -> None:
    bench = make_bench()
    start = bench.tcp
    pose = moved(start, 0, 0, 0.05)
    joints = bench.joints + np.array([0.1, 0, 0, 0, 0, 0])
    path = (
        PathSignal(0),
        PathMove("movel", True, tuple(pose), 1.2, 0.25, 0.0),
        PathSignal(1),
        PathMove("movej", False, tuple(joints), 1.4, 1.05, 0.0),
    )
    bench.upload(Upload("rtde_control", is_control_script=True, path=path))
    assert bench.do(45, [], [0])
    np.testing.assert_allclose(bench.joints, joints, atol=1e-12)


# -- streams --


def test_servol_follows_a_stream_of_poses(bench) -> None:
    start, worst = bench.tcp, 0.0
    for i in range(1000):
        shift = 0.04 * np.sin(2 * np.pi * i / 1000)
        bench.write(SERVOL, [*moved(start, shift, 0, 0), *SERVO])
        bench.robot.cycle()
        late = 0.04 * np.sin(2 * np.pi * (i - 25) / 1000) if i > 100 else None
        if late is not None:
            worst = max(worst, abs(bench.tcp[0] - start[0] - late))
    assert worst < 0.001, "as late as its lookahead, and no more"
    assert bench.do(SERVO_STOP, [10.0])
    assert not bench.robot.arm.target_speed.any()


def test_servoing_goes_on_towards_the_last_target_until_it_is_stopped(bench) -> None:
    goal = bench.joints + np.array([0.05, 0, 0, 0, 0, 0])
    bench.write(SERVOJ, [*goal, *SERVO])
    bench.run(0.01)
    bench.robot.receive({"input_int_register_0": 0})
    bench.run(3.0)
    np.testing.assert_allclose(bench.joints, goal, atol=1e-6)


def test_a_move_without_servo_stop_ends_the_program(bench) -> None:
    bench.write(SERVOL, [*moved(bench.tcp, 0.02, 0, 0), *SERVO])
    bench.run(0.02)
    bench.write(MOVEJ, [*bench.joints, 1.0, 1.4], [0])
    bench.run(0.01)
    assert bench.robot.runtime == RuntimeState.STOPPED
    assert "another thread" in bench.robot.stopped_because


def test_speedl_and_speedj_reach_their_speed_and_stop(bench) -> None:
    bench.write(SPEEDL, [0, 0, 0.05, 0, 0, 0, 0.5, 0.0])
    bench.run(0.3)
    np.testing.assert_allclose(bench.robot.outputs["target_TCP_speed"], [0, 0, 0.05, 0, 0, 0], atol=1e-4)
    bench.run(0.5)
    assert bench.do(SPEED_STOP, [10.0])
    bench.write(SPEEDJ, [0.2, 0, 0, 0, 0, -0.1, 1.0, 0.0])
    bench.run(0.5)
    np.testing.assert_allclose(bench.robot.arm.target_speed, [0.2, 0, 0, 0, 0, -0.1], atol=1e-12)
    assert bench.do(SPEED_STOP, [10.0])
    assert not bench.robot.arm.target_speed.any()


def test_jog_along_the_tool(bench) -> None:
    axis = pose_from_ur(bench.tcp).rotation[:, 2]
    bench.write(41, [0, 0, 0.05, 0, 0, 0, 1, 0.5])
    bench.run(0.5)
    np.testing.assert_allclose(bench.robot.outputs["target_TCP_speed"][:3], 0.05 * axis, atol=1e-4)
    bench.robot.receive({"input_int_register_0": 0})
    bench.run(0.01)
    assert bench.do(42)
    assert not bench.robot.arm.target_speed.any()


def test_move_until_contact_comes_back_to_where_it_began(bench) -> None:
    start = bench.tcp
    bench.write(51, [0, 0, -0.05, 0, 0, 0, 0, 0, -1, 0, 0, 0, 0.5])
    bench.run(0.6)
    assert bench.status == 1
    touched = bench.robot.outputs["actual_TCP_pose"][2]
    for _ in range(1000):
        bench.robot.force.push([0, 0, 20, 0, 0, 0], bench.robot.time)
        bench.robot.cycle()
        if bench.status == 2:
            break
    assert bench.status == 2
    assert bench.tcp[2] == pytest.approx(touched, abs=5e-4)
    assert bench.tcp[2] < start[2] - 0.02
