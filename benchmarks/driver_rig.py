"""A whole bucket driver on an emulated controller, with a witness; `fault_matrix.py`, `streaming.py` and tests use it.

Everything is real but the arm: the node's process, its streaming process, DDS, `ur_rtde`. The witness asks the
emulated controller for its pose and speed through a port of its own, which the faults do not touch, and keeps the
controller's time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Duration
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger

from prpd_control.graph import dds
from prpd_interfaces.msg import BucketCommand, BucketState
from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_twin.ur_controller.process import Emulator

WORLD_PORT = 30020
STANDSTILL = 0.005
"""m/s, TCP speed below which the arm counts as standing."""
PERIOD = 0.1
"""s, of the commands."""
HOME = (0.0, -0.22, 0.22, 0.0)
"""Bucket pose of the driver's `home`."""


def level_joints(pose: tuple[float, ...] = HOME, cell: Cell | None = None) -> np.ndarray:
    """(6,) rad that hold the bucket at a pose in the nominal cell, elbow up."""
    cell = cell or Cell()
    flange = cell.base_from_soil @ Pose.from_bucket(pose) @ cell.tool0_from_bucket.inverse()
    near = np.array([np.arctan2(flange.position[1], flange.position[0]) - np.pi, -1.8, 2.0, -1.8, -np.pi / 2, 0.0])
    for joints in ur5e.inverse(flange.matrix(), near):
        if np.sin(joints[2]) > 0 and np.sin(joints[4]) < 0 and -np.pi < joints[1] < 0:
            return joints
    raise ValueError(f"no upright posture of the arm holds the bucket at {pose}")


@dataclass(frozen=True)
class Sample:
    """What the witness saw."""

    wall: float
    """s, monotonic."""
    time: float
    """s, controller's."""
    position: np.ndarray
    speed: float
    """m/s."""


class Witness:
    """Polls the controller's world port from a thread, and pushes on the bucket where told."""

    def __init__(self, address: str) -> None:
        self.samples: list[Sample] = []
        self.wrench = (0.0,) * 6
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((address, WORLD_PORT))
        self._socket.settimeout(0.05)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._socket.send(struct.pack("<6d", *self.wrench))
                values = struct.unpack("<13d", self._socket.recv(256))
            except OSError:  # a controller that is frozen or gone
                time.sleep(0.01)
                continue
            position, speed = np.array(values[1:4]), float(np.linalg.norm(values[7:10]))
            self.samples.append(Sample(time.monotonic(), values[0], position, speed))
            time.sleep(0.0015)

    def standstill(self, since: float, until: float) -> tuple[float | None, float]:
        """(s, m) from the wall time `since` to the last instant of motion before `until`, and the way travelled.

        The first is None where the arm still moves at the end. Times are the controller's own.
        """
        seen = [s for s in self.samples if since <= s.wall <= until]
        if not seen or seen[-1].speed > STANDSTILL:
            return None, float("inf")
        before = [s for s in self.samples if s.wall < since]
        start = before[-1] if before else seen[0]
        moving = [i for i, s in enumerate(seen) if s.speed > STANDSTILL]
        if not moving:
            return 0.0, 0.0
        track = [start, *seen[: moving[-1] + 2]]
        way = sum(float(np.linalg.norm(b.position - a.position)) for a, b in zip(track, track[1:]))
        return track[-1].time - start.time, way

    def first_stop(self, since: float) -> tuple[float | None, float]:
        """(s, m) from the wall time `since` to the first instant at which the arm stood, and the way travelled."""
        stood = next((s.wall for s in self.samples if s.wall >= since and s.speed <= STANDSTILL), None)
        return (None, float("inf")) if stood is None else self.standstill(since, stood)

    def speed(self, wall: float) -> float:
        """m/s, at a wall time."""
        return next((s.speed for s in reversed(self.samples) if s.wall <= wall), 0.0)

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()
        self._socket.close()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Rig:
    """One emulated controller, one driver node, one client of both."""

    def __init__(self, address: str, *, domain: int, sim_time: bool = False, options: tuple[str, ...] = ()) -> None:
        os.environ.update(dds.environment(domain))
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)  # foreign work on the machine is not what is measured here
        self.address = address
        self.sim_time = sim_time
        self.clock = 1000.0
        self._parameters = [f"robot_ip:='{address}'", *([] if not sim_time else ["use_sim_time:=true"]), *options]
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO, domain_id=domain)
        self.node = rclpy.create_node("rig")
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.state: BucketState | None = None
        self.states: list[tuple[float, BucketState]] = []
        self.node.create_subscription(BucketState, "bucket/state", self._on_state, 10)
        self._commands = self.node.create_publisher(BucketCommand, "bucket/command", 10)
        self._clock = self.node.create_publisher(Clock, "/clock", 10)
        self._services = {
            n: self.node.create_client(Trigger, f"bucket_driver/{n}") for n in ("home", "stop", "recover")
        }
        self._lifecycle = self.node.create_client(ChangeState, "bucket_driver/change_state")
        self.sequence = 0
        self.start_controller()
        self.start_driver()

    # -- processes --

    def start_controller(self) -> None:
        """A new emulated controller, its arm at home."""
        joints = [f"{q:.6f}" for q in level_joints()]
        self.robot = Emulator(self.address, options=("--quiet", "--robot.joints", *joints))
        self.witness = Witness(self.address)

    def stop_controller(self, *, kill: bool = False) -> None:
        """End it."""
        self.witness.close()
        if kill:
            self.robot.kill()
        else:
            self.robot.close()

    def start_driver(self) -> None:
        """A new driver node, active."""
        parameters = [part for p in self._parameters for part in ("-p", p)]
        code = "import sys; from prpd_control.driver.node import main; sys.exit(main())"
        self.driver = subprocess.Popen(
            [sys.executable, "-c", code, "--ros-args", "--log-level", "error", *parameters], preexec_fn=_die_with_parent
        )
        self.until(self._lifecycle.service_is_ready, 20.0, "the driver's node is there")
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            if not self._call(self._lifecycle, request).success:
                raise RuntimeError(f"the driver did not follow transition {transition}: {self.reason}")
        self.until(lambda: self.mode == BucketState.MODE_IDLE, 10.0, "the driver is idle")

    def streaming_pid(self) -> int:
        """Of the driver's streaming process."""
        with open(f"/proc/{self.driver.pid}/task/{self.driver.pid}/children") as file:
            return int(file.read().split()[0])

    def stop_driver(self) -> int:
        """End the node in order; its exit status."""
        self.driver.send_signal(signal.SIGINT)
        try:
            return self.driver.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            return self.driver.wait()

    # -- ROS --

    @property
    def mode(self) -> int:
        """Of the newest state."""
        return -1 if self.state is None else self.state.mode

    @property
    def reason(self) -> str:
        """Of the newest state."""
        return "" if self.state is None else self.state.reason

    def _on_state(self, message: BucketState) -> None:
        self.state = message
        self.states.append((time.monotonic(), message))

    def spin(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._tell_time()
            self._executor.spin_once(timeout_sec=min(left, 0.02))

    def _tell_time(self) -> None:
        if self.sim_time:
            now = self.clock + time.monotonic()
            message = Clock()
            message.clock.sec, message.clock.nanosec = int(now), int(now % 1 * 1e9)
            self._clock.publish(message)

    def until(self, condition: Callable[[], bool], timeout: float, what: str) -> None:
        """Let time pass until a condition holds; RuntimeError where it does not."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f"not within {timeout:g} s: {what}; the driver says: {self.mode} {self.reason}")
            self.spin(0.01)

    def _call(self, client: Any, request: Any, timeout: float = 25.0) -> Any:
        self.until(client.service_is_ready, 10.0, f"service {client.srv_name} is there")
        future = client.call_async(request)
        self.until(future.done, timeout, f"service {client.srv_name} answers")
        return future.result()

    def call(self, name: str) -> Trigger.Response:
        """One of the driver's services: home, stop, recover."""
        return self._call(self._services[name], Trigger.Request())

    def command(
        self, pose: tuple[float, ...], *, period: float = PERIOD, age: float = 0.0, sequence: int | None = None
    ) -> None:
        """Publish a command."""
        self.sequence = self.sequence + 1 if sequence is None else sequence
        message = BucketCommand(sequence=self.sequence, pitch=float(pose[3]))
        message.header.frame_id = "soil"
        now = self.clock + time.monotonic() if self.sim_time else self.node.get_clock().now().nanoseconds * 1e-9
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(int((now - age) * 1e9), 1_000_000_000)
        message.position.x, message.position.y, message.position.z = (float(v) for v in pose[:3])
        message.time_to_target = Duration(nanosec=int(period * 1e9))
        self._commands.publish(message)

    def accepted(self) -> float:
        """When the streaming process took the last command, s, monotonic; at most one state too early."""
        offset = time.time() - time.monotonic()
        stamps = [
            (m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 - offset, m.command_sequence) for _, m in self.states
        ]
        return max(at for at, sequence in stamps if sequence != self.sequence)

    def stream(self, poses: Iterator[tuple[float, ...]], seconds: float) -> tuple[float, ...]:
        """Command poses, one per period, for some time; returns the last."""
        begin, pose, count = time.monotonic(), HOME, round(seconds / PERIOD)
        for i in range(count):
            pose = next(poses)
            self.command(pose)
            self.spin(begin + (i + 1) * PERIOD - time.monotonic())
        return pose

    def go_on(self) -> str:
        """What an operator does after a stop: recover, home. Empty, or why it did not work."""
        answer = self.call("recover")
        if not answer.success:
            return f"recover: {answer.message}"
        answer = self.call("home")
        return "" if answer.success else f"home: {answer.message}"

    def close(self) -> None:
        """End everything."""
        with contextlib.suppress(ProcessLookupError):
            self.stop_driver()
        self.stop_controller()
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown()

    def __enter__(self) -> Rig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def strokes(step: float = 0.02) -> Iterator[tuple[float, ...]]:
    """Targets to and fro along y from home, at 0.2 m/s: as fast as a policy moves along one axis."""
    x, y, z, pitch = HOME
    targets = [y + i * step for i in range(1, 17)]
    while True:
        for place in [*targets, *targets[-2::-1], y]:
            yield (x, place, z, pitch)
