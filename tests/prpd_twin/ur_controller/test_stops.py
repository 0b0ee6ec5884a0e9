"""What stops the robot: watchdog, safety limits, people, and arguments that make no sense."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_twin.ur_controller.controller import PERIOD
from prpd_twin.ur_controller.safety import RobotMode, RuntimeState, SafetyLimits, SafetyMode
from prpd_twin.ur_controller.upload import Upload

MOVEJ, MOVEL, SPEEDL, SERVOJ, SERVOL, WATCHDOG = 1, 3, 10, 11, 24, 35
SERVO = (0.5, 0.5, 0.002, 0.05, 600)
"""Speed, acceleration (unused), time, lookahead, gain."""


def moved(pose: np.ndarray, *by: float) -> np.ndarray:
    """A UR pose, its position shifted."""
    return pose + np.array([*by, 0, 0, 0])


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


def test_the_watchdog_does_not_count_time_in_which_the_controller_itself_was_held_up(bench) -> None:
    assert bench.do(WATCHDOG, [10.0])
    bench.write(SERVOL, [*moved(bench.tcp, 0.02, 0, 0), *SERVO])
    for _ in range(round(0.1 / PERIOD)):
        bench.robot.excuse(PERIOD)
        bench.robot.cycle()
    bench.run(0.09)
    assert bench.robot.runtime == RuntimeState.PLAYING
    bench.run(0.02)
    assert bench.robot.runtime == RuntimeState.STOPPED


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
