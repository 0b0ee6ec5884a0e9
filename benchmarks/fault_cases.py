"""Every way in which we know to break the bucket driver: what is done, what the operator must be told, how to go on.

`fault_matrix.py` measures them with many repetitions; `tests/system/test_driver_faults.py` runs them once each.
"""

from __future__ import annotations

import math
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
from driver_rig import PERIOD, Poses, Rig

from prpd_control.driver.process import StreamProcess
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.supervisor import PAUSED
from prpd_task.cell import Cell

HELD_UP = 0.01
"""s; where the emulated controller, whose clock measures, was late by more itself, it was the machine that failed."""
ATTEMPTS = 5
LEAST_SPEED = 0.1
"""m/s, of the arm when a fault comes; slower, and the repetition proves nothing."""
AFTER = 0.8
"""s of commands after a fault that the sender does not know of."""
DRIVER, SIM_TIME, DIG = "driver", "sim_time", "dig"
"""Rigs: the driver alone, the same on the clock of a simulation, and the whole graph with camera and perception."""


def open_rig(kind: str, address: str, *, domain: int) -> AbstractContextManager[Rig]:
    """The rig for some cases."""
    if kind != DIG:
        return Rig(address, domain=domain, sim_time=kind == SIM_TIME)
    from dig_rig import DigRig  # needs perception, which the others do without

    return DigRig(address, domain=domain)


@dataclass(frozen=True)
class Case:
    """One way to break it."""

    name: str
    what: str
    inject: Callable[[Rig, Poses], float]
    """Breaks it; returns since when it is broken, s, monotonic."""
    told: tuple[str, ...]
    """Codes of the reasons that the operator may be told; empty: the driver must go on."""
    mend: Callable[[Rig], None] = lambda rig: None
    """What a person does before `recover`."""
    rig: str = DRIVER
    measured: bool = True
    """Whether the arm can be watched: not if its controller is gone."""
    first_stop: bool = False
    """The arm moves again by itself after its first standstill: it backs off."""

    @property
    def watched(self) -> bool:
        """Whether time and way to standstill mean something."""
        return self.measured and bool(self.told)


@dataclass(frozen=True)
class Outcome:
    """One repetition."""

    case: str
    time: float | None
    """s to standstill."""
    way: float
    """m."""
    speed: float
    """m/s, at the fault."""
    told: str
    """To the operator."""
    right: bool
    """They were told one of the expected reasons, or the driver went on where it should."""
    goes_on: str
    """Empty, or why `recover` and `home` did not work."""
    held_up: float = 0.0
    """s, by which the emulated controller itself was late meanwhile, at worst."""
    attempts: int = 1
    """With those that said nothing, because the machine was too busy."""

    def sound(self, held_up: float) -> bool:
        """The machine left in peace the controller, and the driver: its own pause was not the fault asked for."""
        return self.held_up <= held_up and (self.right or PAUSED not in self.told)


def _then(rig: Rig, poses: Poses, do: Callable[[], object]) -> float:
    now = time.monotonic()
    do()
    rig.stream(poses, AFTER)
    return now


def _fault(name: str, **arguments: object) -> Callable[[Rig, Poses], float]:
    return lambda rig, poses: _then(rig, poses, lambda: rig.robot.do(name, **arguments))


def _pose(rig: Rig, poses: Poses, change: Callable[[list[float]], None]) -> float:
    pose = list(next(poses))
    change(pose)
    return _then(rig, poses, lambda: rig.command(tuple(pose)))


def _set(index: int, value: float) -> Callable[[list[float]], None]:
    return lambda pose: pose.__setitem__(index, value)


def _silent(rig: Rig, poses: Poses) -> float:
    rig.spin(1.0)
    return rig.accepted() + PERIOD


def _node_hung(rig: Rig, poses: Poses) -> float:
    os.kill(rig.driver.pid, signal.SIGSTOP)
    rig.spin(1.0)
    return rig.accepted() + PERIOD


def _hung(process: str) -> Callable[[Rig, Poses], float]:
    """A process of the whole graph hangs; the policy is without an observation from the first step that it omits."""

    def inject(rig: Rig, poses: Poses) -> float:
        os.kill(getattr(rig, process).pid, signal.SIGSTOP)
        return rig.next_step_due()

    return inject


def _woken(process: str) -> Callable[[Rig], None]:
    def mend(rig: Rig) -> None:
        os.kill(getattr(rig, process).pid, signal.SIGCONT)
        rig.until(lambda: time.monotonic() - rig.seen < 0.3, 30.0, "perception sees the rock again")

    return mend


def _stale(rig: Rig, poses: Poses) -> float:
    """The policy goes on with an observation that ages."""
    limit, begin, since = DriverSettings().command_age, time.monotonic(), 0.0
    while since == 0.0 or time.monotonic() - since < AFTER:
        age = time.monotonic() - begin
        if age > limit and since == 0.0:
            since = time.monotonic()
        rig.command(next(poses), age=age)
        rig.spin(PERIOD)
    return since


def _clock_jump(rig: Rig, poses: Poses) -> float:
    """The graph's clock leaps an hour ahead, for the policy a moment later than for the driver."""
    stale = rig.clock
    rig.clock += 3600.0
    rig.spin(0.02)
    return _then(rig, poses, lambda: rig.command(next(poses), age=rig.clock - stale))


def _kill(which: str, how: signal.Signals) -> Callable[[Rig, Poses], float]:
    def inject(rig: Rig, poses: Poses) -> float:
        pid = rig.driver.pid if which == "node" else rig.streaming_pid()
        now = time.monotonic()
        os.kill(pid, how)
        rig.spin(AFTER if which == "node" else AFTER + 1.0)
        return now

    return inject


def _wake(rig: Rig) -> None:
    os.kill(rig.driver.pid, signal.SIGCONT)
    rig.spin(0.5)


def _two_senders(rig: Rig, poses: Poses) -> float:
    return _then(rig, poses, lambda: rig.command(next(poses), sequence=1))


def _controller_killed(rig: Rig, poses: Poses) -> float:
    now = time.monotonic()
    rig.stop_controller(kill=True)
    rig.spin(AFTER + 1.0)  # as long as it takes to find a stream that hangs
    return now


def _new_driver(rig: Rig) -> None:
    rig.driver.wait(timeout=5)
    rig.until(lambda: rig.node.count_publishers("bucket/state") == 0, 30.0, "the dead participant is forgotten")
    rig.start_driver()
    rig.states.clear()  # what it says before it is connected is nothing that an operator was told of the fault


def _second_driver(rig: Rig, poses: Poses) -> float:
    """Another driver on the same controller; it must be refused, and the first not be disturbed."""
    now = time.monotonic()
    other = StreamProcess(DriverSettings(robot_ip=rig.address), Cell())
    for _ in range(100):
        rig.stream(poses, PERIOD)
        other.poll()
        if other.end is not None or other.ready is not None:
            break
    other.close()
    if other.end is None or other.end.stop is None or other.end.stop.cause.code != "registers_in_use":
        raise RuntimeError(f"the second driver was not refused: {other.end}")
    rig.stream(poses, 0.3)
    return now


def _push(rig: Rig, poses: Poses) -> float:
    """Something pushes back as hard as makes the driver back off, and lets go when it does."""
    before = [s.position for s in rig.witness.samples[-200:]]
    way = before[-1] - before[0]
    wrench = (*(-110.0 * way / np.linalg.norm(way)), 0.0, 0.0, 0.0)
    now = time.monotonic()
    rig.witness.wrench = tuple(float(v) for v in wrench)
    rig.spin(0.15)
    rig.witness.wrench = (0.0,) * 6
    rig.spin(1.2)
    return now


def _pendant(rig: Rig, command: str) -> None:
    with socket.create_connection((rig.address, 29999), timeout=2) as line:
        line.recv(256)
        line.sendall(command.encode() + b"\n")
        line.recv(256)


def _release(rig: Rig) -> None:
    rig.robot.do("emergency_stop", on=False)
    _power_on(rig)


def _unlock(rig: Rig) -> None:
    rig.robot.do("unlock")
    rig.spin(0.1)  # nobody is as quick as to call `recover` before the driver has seen that


def _power_on(rig: Rig) -> None:
    rig.robot.do("power", on=True)
    rig.spin(0.3)


def _controller_back(rig: Rig) -> None:
    rig.start_controller()


CASES = (
    Case("link_dropped", "the network goes down for 1 s", _fault("kill_link", seconds=1.0),
         ("link_lost", "stream_died"), mend=lambda rig: rig.spin(1.0)),
    Case("link_frozen", "nothing passes for 1 s, sockets stay open", _fault("freeze_link", seconds=1.0),
         ("link_lost", "program_stopped"), mend=lambda rig: rig.spin(1.0)),
    Case("link_delayed", "everything is 100 ms late each way", _fault("delay_link", seconds=0.1),
         ("link_lost", "program_stopped"), mend=lambda rig: rig.robot.do("delay_link", seconds=0.0)),
    Case("packets_lost", "a fifth of all packets is lost", _fault("drop", commands=0.2, states=0.2), (),
         mend=lambda rig: rig.robot.do("drop")),
    Case("controller_killed", "the controller is switched off", _controller_killed, ("link_lost", "stream_died"),
         mend=_controller_back, measured=False),
    Case("stream_killed", "the streaming process is killed (-9)", _kill("stream", signal.SIGKILL), ("stream_died",)),
    Case("stream_hung", "the streaming process hangs", _kill("stream", signal.SIGSTOP), ("stream_died",)),
    Case("node_killed", "the driver's node, a ROS participant, is killed (-9)", _kill("node", signal.SIGKILL), ("",),
         mend=_new_driver),
    Case("node_hung", "the driver's node hangs", _node_hung, ("command_silence", "node_silence"),
         mend=_wake),
    Case("policy_silent", "the policy's node ends or hangs, killed or not", _silent, ("command_silence",)),
    Case("observation_stale", "the policy goes on with an observation that ages", _stale, ("command_stale",)),
    Case("nan_command", "a command is not a number", lambda r, p: _pose(r, p, _set(1, math.nan)),
         ("command_not_finite",)),
    Case("command_jump", "a target leaps 0.15 m sideways", lambda r, p: _pose(r, p, _set(0, 0.15)), ("command_jump",)),
    Case("outside_box", "a target lies below the box", lambda r, p: _pose(r, p, _set(2, -0.3)), ("command_outside",)),
    Case("two_senders", "a second policy publishes commands", _two_senders, ("command_order",)),
    Case("protective_stop", "the arm hits something", _fault("protective_stop"), ("protective_stop",),
         mend=_unlock),
    Case("emergency_stop", "the red button is pressed", _fault("emergency_stop", on=True), ("emergency_stop",),
         mend=_release),
    Case("power_off", "the arm is powered off", _fault("power", on=False), ("not_running",),
         mend=_power_on),
    Case("program_stopped", "somebody presses stop on the pendant",
         lambda r, p: _then(r, p, lambda: _pendant(r, "stop")), ("program_stopped",)),
    Case("clock_jump", "the graph's clock leaps by an hour", _clock_jump, ("command_stale",), rig=SIM_TIME),
    Case("two_drivers", "a second driver wants the same arm", _second_driver, ()),
    Case("force", "the bucket meets 110 N", _push, ("force",), first_stop=True),
    Case("camera_silent", "the camera gives no images any more", _hung("camera"), ("stale_rock_state",),
         mend=_woken("camera"), rig=DIG),
    Case("perception_silent", "the perception node hangs", _hung("perception"), ("stale_rock_state",),
         mend=_woken("perception"), rig=DIG),
)  # fmt: skip


def run_case(rig: Rig, case: Case, rng: random.Random, *, held_up: float = HELD_UP) -> Outcome:
    """One repetition; once more where the machine was too busy for the arm's motion, the controller, or the driver.

    A machine that never leaves them in peace is measured with it in the end.
    """
    for attempt in range(1, ATTEMPTS + 1):
        outcome = _attempt(rig, case, rng)
        if outcome is None:
            rig.go_on()
            continue
        sound = outcome.sound(held_up) or attempt == ATTEMPTS
        if outcome.goes_on or (sound and outcome.speed >= LEAST_SPEED):
            return replace(outcome, attempts=attempt)
    raise RuntimeError(f"{case.name}: the arm could not be kept in motion: {rig.reason}; is the machine overloaded?")


def _attempt(rig: Rig, case: Case, rng: random.Random) -> Outcome | None:
    """Move, break, watch, mend, go on; None where the arm stopped before it was broken."""
    poses = rig.move(rng)
    if poses is None:
        return None
    since = case.inject(rig, poses)
    speed, taken, way = rig.witness.speed(since), None, 0.0
    if case.watched:
        rig.spin(0.3)
        witness = rig.witness
        taken, way = witness.first_stop(since) if case.first_stop else witness.standstill(since, time.monotonic())
    held_up = rig.robot.do("state")["worst_lateness"] if case.watched else 0.0
    goes_on_by_itself = rig.mode == rig.state.MODE_STREAMING
    case.mend(rig)
    told = rig.told(since)
    right = told.split(":")[0] in case.told if case.told else not told and goes_on_by_itself
    return Outcome(case.name, taken, way, speed, told, right, rig.go_on(), held_up)
