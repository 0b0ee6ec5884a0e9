"""What the wrist's sensor reads, and what the payload setting makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_twin.ur_controller.force import Payload


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
