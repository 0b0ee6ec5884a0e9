"""The control script as its client sees it through registers: handshake and answers."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_twin.ur_controller.kinematics import pose_from_ur, pose_to_ur
from prpd_twin.ur_controller.safety import RuntimeState
from prpd_twin.ur_controller.upload import Upload

MOVEL, SPEEDJ, SPEEDL, SERVOL, STOP = 3, 9, 10, 24, 255
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
