"""A whole bucket driver on an emulated controller, with a witness; `fault_cases.py`, `streaming.py` and tests use it.

Everything is real but the arm: the node's process, its streaming process, DDS, `ur_rtde`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
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
from witness import Witness

from prpd_control.driver.settings import DriverSettings
from prpd_control.graph import dds
from prpd_interfaces.msg import BucketCommand, BucketState
from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_task.parent import ENDING_WITH_PARENT, as_parent
from prpd_twin.ur_controller.process import Emulator

PERIOD = 0.1
"""s, of the commands."""
HOME = (0.0, -0.22, 0.22, 0.0)
"""Bucket pose of the driver's `home`."""


Poses = Iterator[tuple[float, ...]]


def level_joints(pose: tuple[float, ...] = HOME, cell: Cell | None = None) -> np.ndarray:
    """(6,) rad that hold the bucket at a pose in the nominal cell, elbow up."""
    cell = cell or Cell()
    flange = cell.base_from_soil @ Pose.from_bucket(pose) @ cell.tool0_from_bucket.inverse()
    near = np.array([np.arctan2(flange.position[1], flange.position[0]) - np.pi, -1.8, 2.0, -1.8, -np.pi / 2, 0.0])
    for joints in ur5e.inverse(flange.matrix(), near):
        if np.sin(joints[2]) > 0 and np.sin(joints[4]) < 0 and -np.pi < joints[1] < 0:
            return joints
    raise ValueError(f"no upright posture of the arm holds the bucket at {pose}")


def start_node(module: str, parameters: Iterable[str]) -> subprocess.Popen[bytes]:
    """The `main` of a node's module as a process."""
    code = f"import sys; from {module} import main; sys.exit(main())"
    line = [*ENDING_WITH_PARENT, sys.executable, "-c", code, "--ros-args", "--log-level", "error"]
    options = (part for p in parameters for part in ("-p", p))
    return subprocess.Popen([*line, *options], env={**os.environ, **as_parent()})


def end_node(process: subprocess.Popen[bytes]) -> int:
    """End it in order; its exit status."""
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class Rig:
    """One emulated controller, one driver node, one client of both."""

    def __init__(self, address: str, *, domain: int, sim_time: bool = False, options: tuple[str, ...] = ()) -> None:
        os.environ.update(dds.environment(domain))
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, -10)  # foreign work on the machine is not what is measured here
        self.address = address
        self.sim_time = sim_time
        self.clock = 1000.0
        self.turn_rate = 0.0
        """rad/s, of the bucket while it moves."""
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
        self.sequence, self._commanded = 0, 0.0
        self.start_controller()
        try:
            self.start_driver()
        except BaseException:
            self.close()
            raise

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
        self.driver = start_node("prpd_control.driver.node", self._parameters)
        self.activate("bucket_driver")
        self.until(lambda: self.mode == BucketState.MODE_IDLE, 10.0, "the driver is idle")

    def streaming_pid(self) -> int:
        """Of the driver's streaming process."""
        with open(f"/proc/{self.driver.pid}/task/{self.driver.pid}/children") as file:
            return int(file.read().split()[0])

    def activate(self, name: str) -> None:
        """Configure and activate a node."""
        client = self.node.create_client(ChangeState, f"{name}/change_state")
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            if not self._call(client, request).success:
                raise RuntimeError(f"{name} did not follow transition {transition}: {self.reason}")
        self.node.destroy_client(client)

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
        self.until(client.service_is_ready, 20.0, f"service {client.srv_name} is there")
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
        self._commanded = time.monotonic()
        self._commands.publish(message)

    def accepted(self) -> float:
        """When the streaming process took the last command, s, monotonic: not before it was sent, nor seen missing."""
        offset = time.time() - time.monotonic()
        stamps = [
            (m.header.stamp.sec + m.header.stamp.nanosec * 1e-9 - offset, m.command_sequence) for _, m in self.states
        ]
        return max([self._commanded, *(at for at, sequence in stamps if sequence != self.sequence)])

    def stream(self, poses: Poses, seconds: float) -> tuple[float, ...]:
        """Command poses, one per period, for some time; returns the last."""
        begin, pose, count = time.monotonic(), HOME, round(seconds / PERIOD)
        for i in range(count):
            pose = next(poses)
            self.command(pose)
            self.spin(begin + (i + 1) * PERIOD - time.monotonic())
        return pose

    def move(self, rng: random.Random) -> Poses | None:
        """Bring the arm in motion, for a random time; the poses to go on with, None where it has stopped by itself."""
        if not self.call("home").success:
            return None
        poses = strokes(turn=self.turn_rate * PERIOD)
        self.states.clear()
        self.stream(poses, 0.5 + PERIOD * rng.randint(1, 6))
        return poses if self.mode == BucketState.MODE_STREAMING else None

    def told(self, since: float) -> str:
        """What the operator was told since a fault; empty: nothing."""
        return next((s.reason for at, s in self.states if at >= since and s.reason), "")

    def go_on(self) -> str:
        """What an operator does after a stop: recover, home. Empty, or why it did not work.

        Once more where the watchdog ended the program meanwhile, as it does where the machine is too busy.
        """
        for _ in range(3):
            answer = self.call("recover")
            if not answer.success:
                return f"recover: {answer.message}"
            answer = self.call("home")
            if answer.success:
                return ""
            if not answer.message.startswith("program_stopped"):
                break
        return f"home: {answer.message}"

    def close(self) -> None:
        """End everything."""
        with contextlib.suppress(ProcessLookupError):
            end_node(self.driver)
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


def strokes(*, turn: float = 0.0) -> Poses:
    """Targets to and fro along y from home, at the driver's default limit of speed.

    Meanwhile the bucket may turn up and down, by `turn` rad each time.
    """
    x, y, z, pitch = HOME
    targets = [y + i * DriverSettings.max_speed * PERIOD for i in range(1, 14)]
    turns = itertools.cycle([*range(1, 5), *range(3, -1, -1)])
    while True:
        for place in [*targets, *targets[-2::-1], y]:
            yield (x, place, z, pitch + turn * next(turns))
