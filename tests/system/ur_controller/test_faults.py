"""What an operator, the soil or a bad network do to the emulated controller, as the real `ur_rtde` sees it."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
import time

import dashboard_client
import numpy as np
import pytest
import rtde_control
import rtde_receive
from third_party.rtde import rtde as universal_robots

from prpd_twin.ur_controller.process import Emulator

pytestmark = pytest.mark.system


# -- coming and going --


def test_a_client_can_come_back(emulator: Emulator) -> None:
    for _ in range(2):
        control = rtde_control.RTDEControlInterface(emulator.address)
        assert control.isProgramRunning() and control.getTCPOffset()
        control.disconnect()


def test_upper_range_registers(emulator: Emulator) -> None:
    flags = rtde_control.RTDEControlInterface.FLAG_UPLOAD_SCRIPT
    upper = rtde_control.RTDEControlInterface.FLAG_UPPER_RANGE_REGISTERS
    control = rtde_control.RTDEControlInterface(emulator.address, 500.0, flags | upper)
    assert control.getTCPOffset()
    control.stopScript()
    control.disconnect()


# -- stops --


def test_watchdog_ends_the_program_of_a_silent_client(emulator: Emulator, broken_clients, wait_for) -> None:
    clients = broken_clients
    assert clients.control.setWatchdog(5.0)  # more patient than a busy machine is slow
    clients.servo(0.3)
    assert clients.control.isProgramRunning()
    wait_for(lambda: not clients.control.isProgramRunning(), 1.0)
    wait_for(lambda: emulator.do("state")["steady"], 1.0)
    assert "watchdog" in emulator.do("state")["stopped_because"]
    assert clients.control.reuploadScript()
    wait_for(clients.control.isProgramRunning)
    assert clients.control.getTCPOffset()


def test_protective_stop_and_how_to_go_on(emulator: Emulator, broken_clients, wait_for) -> None:
    clients = broken_clients
    emulator.do("protective_stop")
    wait_for(clients.receive.isProtectiveStopped)
    assert clients.receive.getSafetyMode() == 3 and clients.receive.getRuntimeState() == 4
    wait_for(lambda: not clients.control.moveL(clients.receive.getTargetTCPPose(), 0.1, 0.5))
    dashboard = dashboard_client.DashboardClient(emulator.address)
    dashboard.connect()
    with pytest.raises(RuntimeError, match="[Uu]nlock"):
        dashboard.unlockProtectiveStop()
    emulator.do("unlock")
    wait_for(lambda: not clients.receive.isProtectiveStopped())
    assert clients.control.reuploadScript()
    wait_for(clients.control.isProgramRunning)
    assert clients.control.moveL(clients.receive.getTargetTCPPose(), 0.1, 0.5)
    dashboard.disconnect()


def test_force_from_the_world_port_is_felt_and_stops_the_arm(emulator: Emulator, broken_clients, wait_for) -> None:
    clients = broken_clients
    world = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    world.settimeout(5.0)

    def push(*wrench: float) -> tuple:
        world.sendto(struct.pack("<6d", *wrench), (emulator.address, 30020))
        return struct.unpack("<13d", world.recv(1024))

    reply = push(0, 0, 0, 0, 0, 0)
    np.testing.assert_allclose(reply[1:7], clients.receive.getActualTCPPose(), atol=1e-6)
    wait_for(lambda: push(0, 0, 40, 0, 0, 0) and clients.receive.getActualTCPForce()[2] > 35)
    assert not clients.receive.isProtectiveStopped()
    wait_for(lambda: clients.receive.getActualTCPForce()[2] < 5, 1.0)
    wait_for(lambda: push(0, 0, 200, 0, 0, 0) and clients.receive.isProtectiveStopped())
    world.close()


def test_emergency_stop(emulator: Emulator, broken_clients, wait_for) -> None:
    clients = broken_clients
    emulator.do("emergency_stop", on=True)
    wait_for(clients.receive.isEmergencyStopped)
    wait_for(lambda: clients.receive.getRobotMode() == 3)
    wait_for(lambda: not clients.control.isProgramRunning())


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "remote_control", "on": False},
        pytest.param({"do": "power", "on": False}, marks=pytest.mark.slow),  # ur_rtde takes 6 s to give up
    ],
)
def test_a_robot_that_is_not_ready_refuses_control(emulator: Emulator, fault: dict) -> None:
    fault = dict(fault)
    emulator.do(fault.pop("do"), **fault)
    with pytest.raises(RuntimeError):
        rtde_control.RTDEControlInterface(emulator.address)
    receive = rtde_receive.RTDEReceiveInterface(emulator.address)
    assert receive.isConnected(), "states are sent all the same"
    receive.disconnect()


# -- the faulty link --


def test_a_frozen_link_is_silent_and_then_catches_up(emulator: Emulator, wait_for) -> None:
    receive = rtde_receive.RTDEReceiveInterface(emulator.address)
    emulator.do("freeze_link", seconds=0.4)
    at = time.monotonic()
    time.sleep(0.05)
    frozen = receive.getTimestamp()
    wait_for(lambda: receive.getTimestamp() != frozen)
    assert time.monotonic() - at > 0.3
    now = emulator.do("state")["time"]
    wait_for(lambda: receive.getTimestamp() > now - 0.01, 1.0)
    receive.disconnect()


def test_a_frozen_controller_stands_still_in_time(emulator: Emulator, wait_for) -> None:
    before = emulator.do("freeze_controller", seconds=0.5)["time"]
    time.sleep(0.1)
    assert emulator.do("state")["time"] == before
    wait_for(lambda: emulator.do("state")["time"] > before)


def test_states_come_late_and_get_lost_when_asked(emulator: Emulator, wait_for) -> None:
    client = universal_robots.RTDE(emulator.address)
    client.connect()
    client.send_output_setup(["timestamp"], frequency=500)
    client.send_start()
    emulator.do("delay_link", seconds=0.2)
    wait_for(lambda: emulator.do("state")["time"] - client.receive().timestamp > 0.15)
    emulator.do("delay_link", seconds=0.0)
    emulator.do("drop", states=0.5)
    wait_for(lambda: emulator.do("state")["time"] - client.receive().timestamp < 0.1)
    stamps = [client.receive().timestamp for _ in range(200)]
    assert round((stamps[-1] - stamps[0]) / 0.002) > 300, "about every second one is missing"
    client.disconnect()


def test_lost_commands_trip_the_watchdog(emulator: Emulator, broken_clients, wait_for) -> None:
    clients = broken_clients
    assert clients.control.setWatchdog(20.0)
    emulator.do("drop", commands=1.0)
    clients.servo(2.0, until=lambda: not clients.control.isProgramRunning())
    assert not clients.control.isProgramRunning()
    emulator.do("drop")


CUT_OFF = """
import os, sys, time
sys.stdout = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import rtde_receive, rtde_control
receive = rtde_receive.RTDEReceiveInterface(sys.argv[1])
control = rtde_control.RTDEControlInterface(sys.argv[1])
print("connected", flush=True)
end = time.monotonic() + 10
while receive.isConnected() and time.monotonic() < end:
    time.sleep(0.002)
print("cut off" if not receive.isConnected() else "still connected", flush=True)
sys.stdin.readline()
print("back" if receive.reconnect() and receive.isConnected() else "gone", flush=True)
os._exit(0)
"""
"""A client in a process of its own: `ur_rtde` can crash when it loses its connection. What that says goes to stderr: it
writes from its own threads, and would end up in the middle of an answer."""


def test_a_killed_link_cuts_clients_off_and_takes_them_back(emulator: Emulator) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CUT_OFF, emulator.address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert client.stdout.readline() == "connected\n"
        emulator.do("kill_link", seconds=0.5)
        assert "cut off\n" in iter(client.stdout.readline, "")
        time.sleep(0.6)
        client.stdin.write("\n")
        client.stdin.flush()
        assert "back\n" in iter(client.stdout.readline, "")
    finally:
        client.kill()
        client.communicate()


# -- the process --


def test_it_ends_on_a_signal_and_with_its_parent(free_address, wait_for) -> None:
    address = free_address()
    assert Emulator(address).close() == 0
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from prpd_twin.ur_controller.process import Emulator\n"
            f"print(Emulator({address!r}).pid, flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_for(lambda: not alive(child))


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_an_address_in_use_or_not_ours_is_named(emulator: Emulator) -> None:
    for address in (emulator.address, "192.0.2.1"):
        result = subprocess.run(
            [sys.executable, "-m", "prpd_twin.ur_controller.main", "--address", address],
            capture_output=True,
            text=True,
        )
        assert result.returncode == 1
        assert f"cannot listen on {address}" in result.stderr and "Traceback" not in result.stderr


def test_the_fault_port_refuses_what_it_does_not_know(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="make_coffee"):
        emulator.do("make_coffee")
    with pytest.raises(ValueError, match="seconds"):
        emulator.do("freeze_link")
    assert emulator.do("state")["robot_mode"] == "RUNNING"
