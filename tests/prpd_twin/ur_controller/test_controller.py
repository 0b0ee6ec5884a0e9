"""The robot as its client sees it through registers: commands, motions, answers, and what stops it."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_twin.ur_controller.force import Payload
from prpd_twin.ur_controller.kinematics import pose_from_ur, pose_to_ur
from prpd_twin.ur_controller.safety import RobotMode, RuntimeState, SafetyLimits, SafetyMode
from prpd_twin.ur_controller.upload import Upload

MOVEJ, MOVEL, SPEEDJ, SPEEDL, SERVOJ, SERVOL = 1, 3, 9, 10, 11, 24
SPEED_STOP, SERVO_STOP, STOPL, STOPJ, WATCHDOG, STOP = 15, 16, 33, 34, 35, 255
SERVO = (0.5, 0.5, 0.002, 0.05, 600)
"""Speed, acceleration (unused), time, lookahead, gain."""


def moved(pose: np.ndarray, *by: float) -> np.ndarray:
    """A UR pose, its position shifted."""
    return pose + np.array([*by, 0, 0, 0])


# -- handshake --


def test_script_is_ready_and_done_and_ready_again(bench) -> None:
    assert bench.status == 1
    bench.write(29, [0, 0, 0.1, 0, 0, 0])
    bench.run(0.01)
    assert bench.status == 2
    bench.run(0.1)
    assert bench.status == 2, "done stays until the client clears its command"
    bench.robot.receive({"input_int_register_0": 0})
    bench.run(0.002)
    assert bench.status == 1


def test_a_real_time_command_is_ready_while_it_is_there(bench) -> None:
    bench.write(SERVOL, [*bench.tcp, *SERVO])
    for _ in range(5):
        bench.run(0.002)
        assert bench.status == 1


def test_nothing_is_read_during_a_motion(bench) -> None:
    bench.write(MOVEL, [*moved(bench.tcp, 0, 0, 0.05), 0.1, 0.5], [0])
    bench.run(0.1)
    bench.robot.receive({"input_int_register_0": 0})
    bench.run(0.02)
    assert bench.status == 1, "neither done nor ready is written until the motion has ended"
    assert not bench.robot.arm.steady


def test_stop_script_ends_the_program(bench) -> None:
    bench.write(STOP)
    bench.run(0.002)
    assert bench.robot.runtime == RuntimeState.STOPPED


def test_upper_range_registers(make_bench) -> None:
    bench = make_bench()
    bench.upload(Upload("rtde_control", is_control_script=True, int_offset=24, float_offset=24))
    values = {f"input_double_register_{24 + i}": v for i, v in enumerate([0.0, 0.0, 0.2, 0.0, 0.0, 0.0])}
    bench.robot.receive({**values, "input_int_register_24": 29})
    bench.run(0.01)
    assert bench.robot.outputs["output_int_register_24"] == 2
    assert bench.robot.outputs["tcp_offset"][2] == pytest.approx(0.2)


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
    from prpd_twin.ur_controller.upload import PathMove, PathSignal

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


# -- answers --


def test_kinematic_answers(bench) -> None:
    model, joints = bench.robot.arm.model, bench.joints + 0.05
    tcp = [0.0, 0.0, 0.12, 0.1, 0.0, 0.0]
    assert bench.do(44, [*joints, *tcp])
    np.testing.assert_allclose(bench.answer, pose_to_ur(model.flange(joints) * pose_from_ur(tcp)), atol=1e-9)
    pose = pose_to_ur(model.forward(joints))
    assert bench.do(46, pose)
    np.testing.assert_allclose(bench.answer, joints, atol=1e-8)
    assert bench.do(30, [*pose, *(joints + 0.1), 1e-10, 1e-10])
    np.testing.assert_allclose(bench.answer, joints, atol=1e-8)
    assert bench.do(60, pose) and bench.result == 1
    assert bench.do(60, moved(pose, 2, 0, 0)) and bench.result == 0
    assert bench.do(36, pose) and bench.result == 1
    assert bench.do(36, moved(pose, 2, 0, 0)) and bench.result == 0
    assert bench.do(37, joints) and bench.result == 1
    assert bench.do(37, joints + 7) and bench.result == 0
    assert bench.do(39, [*pose, 0, 0, 0.1, 0, 0, 0])
    further = pose_from_ur(pose) * pose_from_ur([0, 0, 0.1, 0, 0, 0])
    np.testing.assert_allclose(bench.answer, pose_to_ur(further), atol=1e-9)


def test_an_unreachable_inverse_ends_the_program(bench) -> None:
    assert not bench.do(46, moved(bench.tcp, 2, 0, 0))
    assert bench.robot.runtime == RuntimeState.STOPPED
    assert "get_inverse_kin" in bench.robot.stopped_because


def test_steady_tells_motion(bench) -> None:
    assert bench.do(47) and bench.result == 1
    bench.write(SPEEDL, [0, 0, 0.05, 0, 0, 0, 0.5, 0.0])
    bench.run(0.3)
    bench.robot.receive({"input_int_register_0": 0})
    bench.run(0.01)
    assert bench.do(47) and bench.result == 0


def test_joint_history_is_what_it_was(bench) -> None:
    bench.write(SPEEDJ, [0.2, 0, 0, 0, 0, 0, 1.0, 0.0])
    bench.run(0.3)
    before = bench.robot.arm.actual.copy()
    bench.run(0.1)
    bench.write(27, [], [50])
    bench.robot.cycle()
    np.testing.assert_allclose(bench.answer[:1], before[:1], atol=0.2 * 0.003)


def test_not_emulated_commands_say_so(bench) -> None:
    bench.write(6)
    bench.run(0.01)
    assert bench.robot.runtime == RuntimeState.STOPPED
    assert "forceMode is not emulated" in bench.robot.stopped_because


# -- forces and payload --


def test_force_from_the_world_fades_when_it_is_not_renewed(bench) -> None:
    bench.robot.force.push([1.0, 2.0, 30.0, 0.1, 0.2, 0.3], bench.robot.time)
    bench.run(0.05)
    np.testing.assert_allclose(bench.robot.outputs["actual_TCP_force"], [1, 2, 30, 0.1, 0.2, 0.3], atol=1e-9)
    bench.run(0.06)
    np.testing.assert_allclose(bench.robot.outputs["actual_TCP_force"], 0, atol=1e-9)
    bench.robot.force.push([np.nan] * 6, bench.robot.time)
    bench.run(0.01)
    np.testing.assert_allclose(bench.robot.outputs["actual_TCP_force"], 0, atol=1e-9)


def test_a_wrong_payload_shows_in_the_force_until_it_is_zeroed(make_bench) -> None:
    bench = make_bench(tool=Payload(2.0, (0.0, 0.0, 0.1)))
    bench.upload()
    np.testing.assert_allclose(bench.robot.outputs["actual_TCP_force"], 0, atol=1e-9)
    assert bench.do(17, [1.0, 0, 0, 0.1])
    assert bench.robot.outputs["actual_TCP_force"][2] == pytest.approx(-9.81)
    assert bench.do(8)
    np.testing.assert_allclose(bench.robot.outputs["actual_TCP_force"], 0, atol=1e-9)
    assert bench.do(17, [2.0, 0, 0, 0])
    assert bench.robot.outputs["payload_cog"] == (0.0, 0.0, 0.1), "no centre of gravity: the present one is kept"
    assert bench.robot.outputs["actual_TCP_force"][2] == pytest.approx(9.81)


def test_joint_torques_balance_the_force(bench) -> None:
    bench.robot.force.push([0, 0, 50, 0, 0, 0], bench.robot.time)
    bench.robot.cycle()
    bench.write(38)
    bench.robot.cycle()
    jacobian = bench.robot.arm.model.jacobian(bench.robot.arm.actual)
    np.testing.assert_allclose(bench.answer, -jacobian.T @ [0, 0, 50, 0, 0, 0], atol=1e-9)


# -- what stops the robot --


def protective(bench) -> bool:
    out = bench.robot.outputs
    return bench.robot.safety_mode == SafetyMode.PROTECTIVE_STOP and bool(out["safety_status_bits"] & 0x4)


def test_watchdog_stops_the_program_when_commands_cease(bench) -> None:
    assert bench.do(WATCHDOG, [10.0])
    for _ in range(100):
        bench.write(SERVOL, [*moved(bench.tcp, 0.02, 0, 0), *SERVO])
        bench.run(0.05)
    assert bench.robot.runtime == RuntimeState.PLAYING
    bench.run(0.06)
    assert bench.robot.runtime == RuntimeState.STOPPED
    assert "watchdog" in bench.robot.stopped_because
    bench.run(0.2)
    assert bench.robot.arm.steady


def test_any_packet_with_the_command_register_feeds_the_watchdog_and_no_other(bench) -> None:
    assert bench.do(WATCHDOG, [10.0])
    for _ in range(20):
        bench.robot.receive({"input_int_register_0": 0})
        bench.run(0.05)
    assert bench.robot.runtime == RuntimeState.PLAYING
    for _ in range(4):
        bench.robot.receive({"input_int_register_23": 13})
        bench.run(0.05)
    assert bench.robot.runtime == RuntimeState.STOPPED


def test_protective_stop_brakes_pauses_and_waits_for_a_person(bench) -> None:
    bench.write(SPEEDL, [0, 0, -0.2, 0, 0, 0, 1.0, 0.0])
    bench.run(0.4)
    bench.robot.protective_stop("a test")
    before = np.array(bench.robot.outputs["actual_TCP_pose"][:3])
    bench.run(0.1)
    assert protective(bench) and bench.robot.runtime == RuntimeState.PAUSED
    assert bench.robot.outputs["safety_mode"] == 3 and bench.robot.outputs["runtime_state"] == 4
    assert not bench.robot.arm.target_speed.any(), "at rest within 0.1 s"
    assert np.linalg.norm(np.array(bench.robot.outputs["actual_TCP_pose"][:3]) - before) < 0.02
    assert not bench.robot.unlock_protective_stop(), "not in the first 5 s"
    assert not bench.robot.start_program(Upload("rtde_control", is_control_script=True))
    bench.run(5.0)
    assert bench.robot.unlock_protective_stop()
    assert bench.robot.safety_mode == SafetyMode.NORMAL and bench.robot.runtime == RuntimeState.PAUSED
    bench.robot.receive({"input_int_register_0": 0})
    bench.upload()
    assert bench.do(MOVEL, [*moved(bench.tcp, 0, 0, 0.02), 0.1, 0.5], [0])


def test_a_paused_move_goes_on_from_where_it_stands(bench) -> None:
    goal = bench.joints + np.array([0.5, 0, 0, 0, 0, 0])
    bench.write(MOVEJ, [*goal, 0.5, 1.0], [0])
    bench.run(0.5)
    assert bench.robot.pause()
    bench.run(0.5)
    assert bench.robot.arm.steady
    assert bench.robot.play()
    bench.run(3.0)
    assert bench.status == 2
    np.testing.assert_allclose(bench.joints, goal, atol=1e-12)


def test_too_much_force_stops_but_not_a_tick_of_it(bench) -> None:
    bench.robot.force.push([0, 0, 200, 0, 0, 0], bench.robot.time - 0.096)
    bench.run(0.05)
    assert not protective(bench)
    bench.robot.force.push([0, 0, 200, 0, 0, 0], bench.robot.time)
    bench.run(0.05)
    assert protective(bench) and "force limit" in bench.robot.stopped_because


def test_a_jump_of_the_target_stops(bench) -> None:
    bench.write(SERVOJ, [*(bench.joints + 0.5), 0.5, 0.5, 0.002, 0.03, 2000])
    bench.run(0.02)
    assert protective(bench) and "sudden change" in bench.robot.stopped_because


def test_too_fast_a_stream_stops(bench) -> None:
    target = bench.joints.copy()
    for _ in range(1500):
        target[5] += 4.0 * 0.002
        bench.write(SERVOJ, [*target, 0.5, 0.5, 0.002, 0.1, 300])
        bench.robot.cycle()
    assert protective(bench) and "joint speed limit" in bench.robot.stopped_because


def test_too_fast_a_tool_stops(make_bench) -> None:
    bench = make_bench(limits=SafetyLimits(tcp_speed=0.3))
    bench.upload()
    bench.write(SPEEDL, [0, 0, 0.5, 0, 0, 0, 1.0, 0.0])
    bench.run(0.5)
    assert protective(bench) and "tool speed limit" in bench.robot.stopped_because


def test_the_end_of_a_joint_stops(bench) -> None:
    goal = bench.joints.copy()
    goal[5] = 7.0
    assert not bench.do(MOVEJ, [*goal, 3.0, 10.0], [0], limit=5.0)
    assert protective(bench) and "joint position limit" in bench.robot.stopped_because


def test_a_line_out_of_reach_stops_on_the_way(bench) -> None:
    assert not bench.do(MOVEL, [*moved(bench.tcp, -0.8, 0, 0), 0.25, 1.2], [0], limit=10.0)
    assert protective(bench)
    bench.run(0.5)
    assert bench.robot.arm.steady


def test_a_servo_target_out_of_reach_ends_the_program(bench) -> None:
    bench.write(SERVOL, [*moved(bench.tcp, -1.5, 0, 0), *SERVO])
    bench.run(0.01)
    assert bench.robot.runtime == RuntimeState.STOPPED and "get_inverse_kin" in bench.robot.stopped_because


@pytest.mark.parametrize(
    "code, arguments, words",
    [
        (SERVOJ, [*([np.nan] * 6), *SERVO], "finite"),
        (SERVOL, [0.1, np.inf, 0.1, 0, 3, 0, *SERVO], "finite"),
        (SERVOJ, [*([0.0] * 6), 0.5, 0.5, 0.002, 0.0, 600], "lookahead_time"),
        (SPEEDL, [0, 0, np.nan, 0, 0, 0, 0.5, 0.0], "finite"),
        (MOVEJ, [np.nan, 0, 0, 0, 0, 0, 1.0, 1.0], "finite"),
        (MOVEL, [0.1, 0.1, 0.1, 0, np.nan, 0, 1.0, 1.0], "finite"),
        (MOVEJ, [0.0, -1.0, 1.0, 0, 0, 0, 0.0, 1.0], "speed of a move"),
        (29, [np.nan, 0, 0, 0, 0, 0], "finite"),
        (17, [-1.0, 0, 0, 0], "mass"),
    ],
)
def test_arguments_that_make_no_sense_end_the_program(bench, code: int, arguments: list, words: str) -> None:
    bench.write(code, arguments, [0])
    bench.run(0.01)
    assert bench.robot.runtime == RuntimeState.STOPPED
    assert words in bench.robot.stopped_because
    assert np.isfinite(bench.robot.outputs["actual_q"]).all()
    assert np.isfinite(bench.robot.outputs["actual_TCP_pose"]).all()


def test_emergency_stop_takes_the_power_away(bench) -> None:
    bench.write(SPEEDL, [0, 0, -0.2, 0, 0, 0, 1.0, 0.0])
    bench.run(0.4)
    bench.robot.emergency_stop(pressed=True)
    bench.run(0.5)
    out = bench.robot.outputs
    assert out["safety_status_bits"] == 0x4C0 and out["safety_mode"] == 7
    assert out["runtime_state"] == 1 and out["robot_mode"] == RobotMode.POWER_OFF
    assert out["robot_status_bits"] == 0
    bench.robot.emergency_stop(pressed=False)
    assert not bench.robot.start_program(Upload("rtde_control", is_control_script=True)), "the power is off still"
    bench.robot.power(on=True)
    bench.robot.release_brakes()
    bench.upload()
    assert out["robot_status_bits"] == 3


def test_powering_off_stops_the_program(bench) -> None:
    bench.robot.power(on=False)
    bench.run(0.1)
    assert bench.robot.runtime == RuntimeState.STOPPED
    bench.robot.power(on=True)
    assert bench.robot.robot_mode == RobotMode.IDLE, "brakes are locked until they are released"


def test_local_control_refuses_programs(make_bench) -> None:
    bench = make_bench(remote_control=False)
    assert not bench.robot.start_program(Upload("rtde_control", is_control_script=True))
    assert not bench.robot.play()


def test_another_program_plays_and_reports_itself_done(make_bench) -> None:
    bench = make_bench()
    bench.upload(Upload("mine", is_control_script=False))
    bench.run(0.02)
    assert bench.status == 2
    bench.run(0.1)
    assert bench.robot.runtime == RuntimeState.STOPPED


def test_digital_outputs_obey_their_masks(bench) -> None:
    bench.robot.receive({"standard_digital_output_mask": 0b110, "standard_digital_output": 0b010})
    bench.robot.receive({"configurable_digital_output_mask": 1, "configurable_digital_output": 1})
    bench.robot.receive({"tool_digital_output_mask": 2, "tool_digital_output": 2})
    assert bench.robot.outputs["actual_digital_output_bits"] == 0b10 << 16 | 1 << 8 | 0b010
    bench.robot.receive({"standard_digital_output_mask": 0b010, "standard_digital_output": 0})
    assert bench.robot.outputs["actual_digital_output_bits"] == 0b10 << 16 | 1 << 8
