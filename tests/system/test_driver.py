"""The bucket driver's streaming process against the emulated controller, and what it says where that is not ready."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from dataclasses import replace

import numpy as np
import pinocchio as pin
import pytest

from prpd_control.driver import channel
from prpd_control.driver.limits import Target
from prpd_control.driver.process import StreamProcess
from prpd_control.driver.settings import DriverSettings
from prpd_control.modes import Mode
from prpd_task.cell import Cell
from prpd_task.description import robot_description
from prpd_twin.ur_controller.kinematics import ArmModel, pose_from_ur
from prpd_twin.ur_controller.process import Emulator

pytestmark = pytest.mark.system
NET = f"127.7.{os.environ['ROS_DOMAIN_ID']}"  # of this test run alone
ADDRESS, NOBODY, OLD = f"{NET}.1", f"{NET}.2", f"{NET}.3"
SETTINGS = DriverSettings(robot_ip=ADDRESS, watchdog_rate=10.0)  # not what is tested here; machines may be busy


@pytest.fixture(scope="module")
def shared():
    with Emulator(ADDRESS, options=("--quiet",)) as emulator:
        yield emulator


@pytest.fixture
def robot(shared):
    """For one test; its arm stands where the one before has left it."""
    yield shared
    shared.do("restore")


def refusal(settings=SETTINGS, cell=None):
    """Why a driver does not connect."""
    stream = StreamProcess(settings, cell or Cell())
    try:
        stop = stream.wait_ready()
        return "" if stop is None else stop.message
    finally:
        stream.close()


@pytest.fixture
def stream(robot):
    process = StreamProcess(SETTINGS, Cell())
    assert process.wait_ready() is None
    yield process
    process.close()


def until(process, condition, timeout=15.0):
    end = time.monotonic() + timeout
    while True:
        process.poll()
        state = process.state()
        if state is not None and condition(state):
            return state
        assert process.end is None, process.end.stop
        assert time.monotonic() < end, f"{state}"
        process.send(channel.Alive())
        time.sleep(0.01)


def test_nobody_answers():
    message = refusal(replace(SETTINGS, robot_ip=NOBODY))
    assert "unreachable_address" in message and NOBODY in message and "Network" in message


def test_wrong_version():
    """A controller that is too old to be asked for more than its version; connecting to it would crash the client."""
    lines, others = (
        socket.create_server((OLD, 29999)),
        [socket.create_server((OLD, p)) for p in (30003, 30004)],
    )

    def serve():
        while True:
            try:
                line, _ = lines.accept()
            except OSError:
                return
            with line, line.makefile("rw") as file:
                try:
                    file.write("Connected: Universal Robots Dashboard Server\n")
                    file.flush()
                    while file.readline():
                        file.write("URSoftware 5.3.0.64119 (Jan 01 2019)\n")
                        file.flush()
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        message = refusal(replace(SETTINGS, robot_ip=OLD))
    finally:
        for server in (lines, *others):
            server.close()
    assert "wrong_version" in message and "5.3.0" in message and "5.6" in message


@pytest.mark.parametrize(
    ("fault", "arguments", "code", "press"),
    [
        ("remote_control", {"on": False}, "not_remote", "Remote Control"),
        ("power", {"on": False}, "not_running", "START"),
        ("protective_stop", {}, "protective_stop", "Enable Robot"),
        ("emergency_stop", {"on": True}, "emergency_stop", "red button"),
    ],
)
def test_a_controller_that_is_not_ready(robot, fault, arguments, code, press):
    before = robot.do(fault, **arguments)
    message = refusal()
    assert message.startswith(code) and press in message
    assert robot.do("state")["joints"] == pytest.approx(before["joints"]), "it must not move"


def test_another_client_holds_the_registers(stream, robot):
    message = refusal()
    assert message.startswith("registers_in_use") and "Fieldbus" in message
    assert until(stream, lambda s: True).mode is Mode.IDLE, "the first driver must not be disturbed"


def test_a_tcp_that_is_not_the_cells(robot):
    cell = Cell()
    x, y, z = cell.tool0_from_bucket.position
    message = refusal(cell=replace(cell, tool0_from_bucket=replace(cell.tool0_from_bucket, position=(x, y, z + 0.003))))
    assert message.startswith("tcp_mismatch") and "Installation" in message
    message = refusal(cell=replace(cell, tool0_from_bucket=replace(cell.tool0_from_bucket, position=(x, y, z + 0.05))))
    assert message.startswith("calibration_mismatch")
    assert robot.do("state")["runtime_state"] == "STOPPED", "no program of ours may be left behind"


def test_home_stream_stop_recover(stream):
    stream.send(channel.Home())
    until(stream, lambda s: s.mode is Mode.MOVING)
    at_home = until(stream, lambda s: s.mode is Mode.IDLE)
    assert at_home.setpoint[:4] == pytest.approx(SETTINGS.home_pose, abs=1e-3)
    for i in range(1, 6):
        x, y, z, pitch = SETTINGS.home_pose
        stream.send(Target(i, (x, y + 0.02 * i, z, pitch), 0.1))
        time.sleep(0.1)
    assert until(stream, lambda s: s.sequence == 5).mode is Mode.STREAMING
    stream.send(channel.Halt())
    stopped = until(stream, lambda s: s.mode is Mode.STOPPED)
    assert stopped.reason.startswith("requested")
    still = until(stream, lambda s: max(map(abs, s.velocity[:3])) < 1e-3)
    assert still.setpoint[1] == pytest.approx(SETTINGS.home_pose[1] + 0.1, abs=0.05)
    stream.send(channel.Recover())
    until(stream, lambda s: s.mode is Mode.IDLE)


def test_a_stop_in_a_fast_turn_does_not_wake_the_watchdog(stream, robot):
    """While the controller brakes nothing is sent; the program must outlive that."""
    stream.send(channel.Home())
    until(stream, lambda s: s.mode is Mode.MOVING)
    until(stream, lambda s: s.mode is Mode.IDLE)
    x, y, z, pitch = SETTINGS.home_pose
    for i in range(1, 6):
        stream.send(Target(i, (x, y, z, pitch + 0.1 * i), 0.1))
        time.sleep(0.1)
    assert np.linalg.norm(until(stream, lambda s: s.sequence == 5).velocity[3:]) > 0.5
    stream.send(channel.Halt())
    until(stream, lambda s: np.abs(s.velocity[3:]).max() < 1e-3)
    time.sleep(2 / SETTINGS.watchdog_rate)
    assert robot.do("state")["runtime_state"] == "PLAYING"
    assert until(stream, lambda s: True).reason.startswith("requested")


def test_the_controllers_numbers_agree_with_pinocchio(stream):
    """Pose and twist of the bucket, in flight and at rest, against the rigid-body model at the same joint angles."""
    model, cell = ArmModel(robot_description()), Cell()
    model.tcp = pin.SE3(cell.tool0_from_bucket.matrix())
    to_soil = cell.base_from_soil.matrix()[:3, :3].T

    def errors(state):
        joints, tcp = np.array(state.joints), pose_from_ur(state.ur_pose)
        flange = model.flange(joints) * model.tcp
        twist = model.jacobian(joints) @ np.array(state.joint_speeds)
        ours = np.concatenate([to_soil @ twist[:3], to_soil @ twist[3:]])
        return np.abs(flange.homogeneous - tcp.homogeneous).max(), np.abs(ours - state.velocity).max()

    stream.send(Target(1, (0.05, 0.0, 0.1, 0.3), 0.0))
    until(stream, lambda s: max(map(abs, s.joint_speeds)) > 0.05)
    seen = []
    while len(seen) < 60:
        seen.append(errors(until(stream, lambda s: True)))
        time.sleep(0.005)
    worst = np.sort(np.array(seen), axis=0)[-2]  # one pair of packets may be read half and half
    assert (worst < 1e-6).all()
    rest = until(stream, lambda s: s.mode is Mode.IDLE)
    assert max(errors(rest)) < 1e-6


def test_dry_run_moves_nothing_and_takes_nothing(robot):
    robot.do("remote_control", on=False)
    process = StreamProcess(replace(SETTINGS, dry_run=True), Cell())
    try:
        assert process.wait_ready() is None
        before = robot.do("state")
        x, y, z, pitch = until(process, lambda s: True).setpoint[:4]
        for i in range(1, 6):
            process.send(Target(i, (x, y + 0.02 * i, z, pitch), 0.1))
            time.sleep(0.1)
        assert until(process, lambda s: s.sequence == 5).mode is Mode.STREAMING
        after = robot.do("state")
        assert after["joints"] == pytest.approx(before["joints"]) and after["runtime_state"] == "STOPPED"
        process.send(Target(6, (x, 0.9, z, pitch), 0.1))
        assert until(process, lambda s: s.mode is Mode.STOPPED).reason.startswith("command_outside")
    finally:
        process.close()


def test_the_end_leaves_the_arm_still_and_the_controller_free(robot):
    process = StreamProcess(SETTINGS, Cell())
    assert process.wait_ready() is None
    x, y, z, pitch = until(process, lambda s: True).setpoint[:4]
    process.send(Target(1, (x, y + 0.03, z, pitch), 0.1))
    until(process, lambda s: s.writes > 5)
    process.close()
    state = robot.do("state")
    assert state["runtime_state"] == "STOPPED" and state["stopped_because"] == "the program ended", json.dumps(state)
    assert refusal() == ""
