"""A real emulated controller process, and `ur_rtde`'s clients on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from prpd_twin.ur_controller.process import Emulator

rtde_control = pytest.importorskip("rtde_control")
rtde_receive = pytest.importorskip("rtde_receive")

_numbers = iter(range(1, 250))


def free_address() -> str:
    """A loopback address that no other test run has."""
    return f"127.{1 + os.getpid() // 250 % 250}.{os.getpid() % 250}.{next(_numbers)}"


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.002)


class Clients:
    """`ur_rtde`'s control and receive interfaces on one robot."""

    def __init__(self, emulator: Emulator, frequency: float = 500.0) -> None:
        self.emulator = emulator
        self.receive = rtde_receive.RTDEReceiveInterface(emulator.address, frequency)
        self.control = rtde_control.RTDEControlInterface(emulator.address, 500.0)

    def close(self) -> None:
        self.control.disconnect()
        self.receive.disconnect()

    def settle(self) -> None:
        """Wait until the packet at hand is one of an arm at rest."""
        wait_for(lambda: self.emulator.do("state")["steady"])
        seen = self.receive.getTimestamp()
        wait_for(lambda: self.receive.getTimestamp() > seen + 0.05)

    def servo(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Stream small motions for a time, or until a condition holds."""
        start, end = self.receive.getTargetTCPPose(), time.monotonic() + seconds
        while time.monotonic() < end and not until():
            wave = 0.02 * np.sin(2 * np.pi * (end - time.monotonic()))
            self.control.servoL([start[0], start[1], start[2] + wave, *start[3:]], 0.5, 0.5, 0.002, 0.05, 600)
            time.sleep(0.004)


@pytest.fixture(name="free_address")
def _free_address() -> Callable[[], str]:
    return free_address


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., None]:
    return wait_for


@pytest.fixture(scope="package")
def shared() -> Iterator[Emulator]:
    """One robot for all tests."""
    with Emulator(free_address(), options=["--quiet"]) as emulator:
        yield emulator


@pytest.fixture
def emulator(shared: Emulator) -> Iterator[Emulator]:
    """The robot, to be broken."""
    yield shared
    shared.do("restore")


@pytest.fixture
def broken_clients(emulator: Emulator) -> Iterator[Clients]:
    """Clients of a robot that will be broken."""
    clients = Clients(emulator)
    yield clients
    clients.close()


@pytest.fixture(scope="module")
def clients(shared: Emulator) -> Iterator[Clients]:
    """Clients for the tests that leave all as they found it."""
    clients = Clients(shared)
    yield clients
    clients.close()
    shared.do("restore")
