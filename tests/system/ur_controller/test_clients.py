"""The emulated controller as its clients know it: the real `ur_rtde`, and Universal Robots' own RTDE client."""

from __future__ import annotations

import socket
import time

import dashboard_client
import numpy as np
import pinocchio as pin
import pytest
import rtde_control
import rtde_io
import rtde_receive
from third_party.rtde import rtde as universal_robots

from prpd_task.description import robot_description
from prpd_twin.ur_controller.process import Emulator

pytestmark = pytest.mark.system


class Reference:
    """Pinocchio on the URDF, by itself."""

    def __init__(self) -> None:
        self.model = pin.buildModelFromXML(robot_description(maker=False))
        self.data = self.model.createData()

    def base_from(self, joints: np.ndarray, tcp: pin.SE3) -> pin.SE3:
        pin.framesForwardKinematics(self.model, self.data, np.asarray(joints, float))
        place = {name: self.data.oMf[self.model.getFrameId(name)] for name in ("base", "tool0")}
        return place["base"].inverse() * place["tool0"] * tcp

    def twist(self, joints: np.ndarray, speeds: np.ndarray, tcp: pin.SE3) -> np.ndarray:
        step = 1e-6
        before, after = (self.base_from(np.add(joints, s * step * np.array(speeds)), tcp) for s in (-1, 1))
        turn = pin.log3(after.rotation @ before.rotation.T)
        return np.concatenate([after.translation - before.translation, turn]) / (2 * step)


def ur(pose: pin.SE3) -> np.ndarray:
    return np.concatenate([pose.translation, pin.log3(pose.rotation)])


def assert_same_pose(numbers: list, pose: pin.SE3) -> None:
    np.testing.assert_allclose(numbers[:3], pose.translation, atol=1e-6)
    np.testing.assert_allclose(pin.exp3(np.array(numbers[3:])), pose.rotation, atol=1e-6)


# -- ur_rtde --


def test_ur_rtde_takes_it_for_a_robot(clients) -> None:
    receive, control = clients.receive, clients.control
    assert receive.isConnected() and control.isConnected() and control.isProgramRunning()
    assert receive.getRobotMode() == 7 and receive.getSafetyMode() == 1
    assert receive.getRuntimeState() == 2 and receive.getRobotStatus() == 3
    assert not receive.isProtectiveStopped() and not receive.isEmergencyStopped()
    assert receive.getSpeedScaling() == 1.0 and receive.getTargetSpeedFraction() == 1.0
    assert control.getStepTime() >= 0
    start, at = receive.getTimestamp(), time.monotonic()
    time.sleep(0.5)
    assert receive.getTimestamp() - start == pytest.approx(time.monotonic() - at, abs=0.3)


def test_getters_agree_with_pinocchio(clients) -> None:
    receive, control, reference = clients.receive, clients.control, Reference()
    offset = [0.01, -0.02, 0.25, 0.3, -0.1, 0.2]
    assert control.setTcp(offset)
    np.testing.assert_allclose(control.getTCPOffset(), offset, atol=1e-9)
    tcp = pin.SE3(pin.exp3(np.array(offset[3:])), np.array(offset[:3]))
    home = np.array(receive.getActualQ())
    for change in ([0.3, 0.1, -0.2, 0.1, 0.2, -0.5], [-0.4, -0.1, 0.1, 0.3, -0.2, 1.0], [0.0] * 6):
        goal = home + change
        assert control.moveJ(goal.tolist(), 2.0, 4.0)
        clients.settle()
        np.testing.assert_allclose(receive.getTargetQ(), goal, atol=1e-12)
        assert_same_pose(receive.getTargetTCPPose(), reference.base_from(goal, tcp))
        actual = np.array(receive.getActualQ())
        assert_same_pose(receive.getActualTCPPose(), reference.base_from(actual, tcp))
        assert_same_pose(control.getForwardKinematics(goal.tolist(), offset), reference.base_from(goal, tcp))
        pose = ur(reference.base_from(goal + 0.05, tcp)).tolist()
        np.testing.assert_allclose(control.getInverseKinematics(pose, goal.tolist()), goal + 0.05, atol=1e-6)
        assert control.getInverseKinematicsHasSolution(pose)
        assert control.isPoseWithinSafetyLimits(pose) and control.isJointsWithinSafetyLimits(goal.tolist())
        np.testing.assert_allclose(receive.getActualTCPSpeed(), 0, atol=1e-3)


def test_moves_and_streams(clients, wait_for) -> None:
    receive, control = clients.receive, clients.control
    start = receive.getTargetTCPPose()
    goal = [start[0], start[1], start[2] + 0.05, *start[3:]]
    assert control.moveL(goal, 0.25, 1.2)
    clients.settle()
    np.testing.assert_allclose(receive.getTargetTCPPose()[:3], goal[:3], atol=1e-9)
    for i in range(250):
        begin = control.initPeriod()
        there = [goal[0], goal[1], goal[2] - 0.05 * i / 249, *goal[3:]]
        assert control.servoL(there, 0.5, 0.5, 0.002, 0.05, 600)
        control.waitPeriod(begin)
    assert control.servoStop(10.0)
    assert receive.getTargetTCPPose()[2] < goal[2] - 0.03
    assert control.speedL([0, 0, 0.05, 0, 0, 0], 0.5, 0.01)
    wait_for(lambda: receive.getActualTCPSpeed()[2] > 0.049)
    assert control.speedStop()
    clients.settle()
    np.testing.assert_allclose(receive.getActualTCPSpeed(), 0, atol=1e-3)
    assert control.moveJ([*receive.getTargetQ()[:5], receive.getTargetQ()[5] + 0.3], 2.0, 4.0, True)
    wait_for(lambda: control.getAsyncOperationProgress() < 0)
    control.stopJ(4.0)
    assert control.moveL(start, 0.25, 1.2)


def test_a_path_is_injected_into_the_script_and_driven(clients) -> None:
    receive, control = clients.receive, clients.control
    start = receive.getTargetTCPPose()
    path = [[start[0], start[1], start[2] + dz, *start[3:], 0.25, 1.2, 0.0] for dz in (0.03, 0.06, 0.0)]
    assert control.moveL(path)
    clients.settle()
    np.testing.assert_allclose(receive.getTargetTCPPose()[:3], start[:3], atol=1e-5)


def test_custom_scripts_play_and_the_control_script_returns(clients, wait_for) -> None:
    assert clients.control.sendCustomScriptFunction("wave", "popup(1)\n")
    wait_for(clients.control.isProgramRunning)
    assert clients.control.getTCPOffset()


def test_settings(clients, wait_for) -> None:
    receive, control = clients.receive, clients.control
    assert control.setPayload(1.5, [0.0, 0.0, 0.2])
    wait_for(lambda: receive.getPayload() == 1.5)
    assert receive.getPayloadCog() == [0.0, 0.0, 0.2]
    assert control.zeroFtSensor()
    wait_for(lambda: abs(receive.getActualTCPForce()[2]) < 2.0)
    assert control.isSteady()


def test_input_output_and_dashboard_interfaces(shared: Emulator, clients, wait_for) -> None:
    io = rtde_io.RTDEIOInterface(shared.address)
    assert io.setStandardDigitalOut(3, True)
    wait_for(lambda: clients.receive.getDigitalOutState(3))
    assert io.setSpeedSlider(0.4)
    wait_for(lambda: clients.receive.getTargetSpeedFraction() == 0.4)
    io.setSpeedSlider(1.0)
    io.setStandardDigitalOut(3, False)
    wait_for(lambda: not clients.receive.getDigitalOutState(3))
    io.disconnect()
    dashboard = dashboard_client.DashboardClient(shared.address)
    dashboard.connect()
    assert dashboard.robotmode() == "Robotmode: RUNNING" and dashboard.running()
    assert dashboard.isInRemoteControl() and dashboard.safetystatus() == "Safetystatus: NORMAL"
    assert "5.12" in dashboard.polyscopeVersion()
    dashboard.disconnect()


def test_a_second_control_client_is_told_that_the_registers_are_in_use(shared: Emulator, clients) -> None:
    with pytest.raises(RuntimeError, match="already in use"):
        rtde_control.RTDEControlInterface(shared.address)
    assert clients.control.isConnected() and clients.control.getTCPOffset()


def test_states_come_as_often_as_asked_for(shared: Emulator) -> None:
    slow = rtde_receive.RTDEReceiveInterface(shared.address, 50.0)
    stamps = set()
    start = slow.getTimestamp()
    while slow.getTimestamp() < start + 0.5:
        stamps.add(round(slow.getTimestamp(), 4))
        time.sleep(0.001)
    slow.disconnect()
    periods = np.diff(sorted(stamps)) / 0.02  # a slow test misses some
    assert len(periods) > 5
    np.testing.assert_allclose(periods, np.round(periods), atol=0.01)


# -- Universal Robots' own client --


def own_client(emulator: Emulator) -> universal_robots.RTDE:
    client = universal_robots.RTDE(emulator.address)
    client.connect()
    assert client.get_controller_version()[:2] == (5, 12)
    return client


def test_universal_robots_own_client_and_pinocchio_agree_on_a_moving_arm(shared: Emulator, clients) -> None:
    names = ["timestamp", "actual_q", "actual_qd", "actual_TCP_pose", "actual_TCP_speed", "target_q", "target_TCP_pose"]
    client, reference = own_client(shared), Reference()
    assert client.send_output_setup([*names, "tcp_offset"], frequency=250)
    assert client.send_start()
    target = np.add(clients.receive.getActualQ(), [0.3, 0.1, -0.1, 0.2, 0.1, 0.4])
    assert clients.control.moveJ(target.tolist(), 0.15, 1.0, True)
    stamps, moving = [], 0
    for _ in range(150):
        state = client.receive()
        tcp = pin.SE3(pin.exp3(np.array(state.tcp_offset[3:])), np.array(state.tcp_offset[:3]))
        assert_same_pose(state.actual_TCP_pose, reference.base_from(state.actual_q, tcp))
        assert_same_pose(state.target_TCP_pose, reference.base_from(state.target_q, tcp))
        twist = reference.twist(state.actual_q, state.actual_qd, tcp)
        np.testing.assert_allclose(state.actual_TCP_speed, twist, atol=1e-6)
        moving += np.abs(state.actual_qd).max() > 0.1
        stamps.append(state.timestamp)
    periods = np.diff(stamps) / 0.004  # the client leaves out what it was too slow for
    np.testing.assert_allclose(periods, np.round(periods), atol=1e-6)
    assert periods.min() > 0.5 and moving > 20
    assert client.send_pause()
    client.disconnect()
    clients.control.stopJ(4.0)


def test_universal_robots_own_client_writes_registers(shared: Emulator, wait_for) -> None:
    client = own_client(shared)
    assert client.send_output_setup(["input_int_register_20", "output_int_register_0"], frequency=125)
    register = client.send_input_setup(["input_int_register_20"])
    assert client.send_start()
    register.input_int_register_20 = 77
    client.send(register)
    wait_for(lambda: client.receive().input_int_register_20 == 77)
    other = own_client(shared)
    with pytest.raises(ValueError, match="already in use"):
        other.send_input_setup(["input_int_register_20"])
    client.disconnect()
    other.disconnect()


def test_bytes_that_are_not_rtde_end_only_their_own_connection(shared: Emulator, clients) -> None:
    with socket.create_connection((shared.address, 30004), timeout=5) as raw:
        raw.sendall(b"\x00\x00\x00GET / HTTP/1.1\r\n\r\n")
        assert raw.recv(100) == b"", "cut off"
    with socket.create_connection((shared.address, 30004), timeout=5) as raw:
        raw.sendall(b"\x00\x05O\x00\x00")
        assert raw.recv(100) == b"", "a set-up request without its frequency"
    assert clients.receive.isConnected()
