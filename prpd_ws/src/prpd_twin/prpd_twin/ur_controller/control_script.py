"""The control script that `ur_rtde` uploads, as a state machine: commands in, motions and answers out, by registers.

Its quirks are part of it (a stale register answers a real-time getter's first call, `servoC` never becomes ready again,
asynchronous stops are always linear), because clients meet them on a real robot.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, Union

import numpy as np
import pinocchio as pin

from prpd_twin.ur_controller.host import Host
from prpd_twin.ur_controller.kinematics import UnreachableError, pose_from_ur, pose_to_ur
from prpd_twin.ur_controller.upload import PathSignal, Upload
from prpd_twin.ur_controller.urscript import Motions, ScriptError, Steps

READY, DONE = 1, 2
REAL_TIME = frozenset({6, 9, 10, 11, 24, 25, 26, 27, 38, 58})
"""Commands that are carried out in each cycle in which the register holds them, and that are never `done`."""
STOP_SCRIPT = 255


class ControlScript:
    """One run of the script. `cycle` is called every controller period until it returns False."""

    def __init__(self, host: Host, upload: Upload) -> None:
        self._host = host
        self._arm = host.arm
        self._path = upload.path
        self._int = [f"input_int_register_{i + upload.int_offset}" for i in range(24)]
        self._double = [f"input_double_register_{i + upload.float_offset}" for i in range(24)]
        self._out_int = [f"output_int_register_{i + upload.int_offset}" for i in range(24)]
        self._out_double = [f"output_double_register_{i + upload.float_offset}" for i in range(24)]
        self._motions = Motions(host.arm)
        self._threads: Dict[str, Steps] = {}
        self._servo: tuple = ()
        self._servo_pose: Optional[np.ndarray] = None
        self._speed: tuple = ()
        self._last_stop_linear = False
        self._async_writes = 0
        self._async_operation = 0
        self._main = self._main_loop()

    def cycle(self) -> bool:
        """One period of all threads; False when the script has ended. Raises ScriptError and MotionError."""
        self._motions.new_cycle()
        try:
            next(self._main)
        except StopIteration:
            return False
        for name, thread in list(self._threads.items()):
            try:
                next(thread)
            except StopIteration:
                if self._threads.get(name) is thread:
                    del self._threads[name]
        return True

    # -- registers --

    def _read(self, first: int, count: int = 6) -> np.ndarray:
        values = self._host.inputs.values
        return np.array([values[name] for name in self._double[first : first + count]])

    def _number(self, index: int) -> float:
        return float(self._host.inputs.values[self._double[index]])

    def _integer(self, index: int) -> int:
        return int(self._host.inputs.values[self._int[index]])

    def _answer(self, values: Union[Sequence[float], np.ndarray]) -> None:
        for name, value in zip(self._out_double, values):
            self._host.outputs[name] = float(value)

    def _answer_integer(self, value: int) -> None:
        self._host.outputs[self._out_int[1]] = int(value)

    def _status(self, value: int) -> None:
        self._host.outputs[self._out_int[0]] = value

    def _progress(self, value: int) -> None:
        """The word that tells how far an asynchronous operation is; negative is finished, 0 a new start."""
        self._async_writes = (self._async_writes + 1) % 128
        if value == 0:
            self._async_operation = (self._async_operation + 1) % 128
        word = (self._async_writes << 16) | (self._async_operation << 24)
        if value >= 0:
            word |= min(value, 32767) | 0x8000
        self._host.outputs[self._out_int[2]] = word

    # -- threads --

    def _main_loop(self) -> Steps:
        self._progress(-1)
        self._status(READY)
        executed = False
        while True:
            code = self._integer(0)
            if code in REAL_TIME:
                self._start(code)
                self._status(READY)
            elif code == 0:
                executed = False
                self._status(READY)
            elif code == STOP_SCRIPT:
                return
            elif not executed:
                steps = self._start(code)
                if steps is not None:
                    yield from steps
                self._status(DONE)
                executed = True
            yield

    def _start(self, code: int) -> Optional[Steps]:
        handler = _HANDLERS.get(code)
        if handler is None:
            self._host.log(f"control script: command {code} does nothing in this emulator")
            return None
        return handler(self)

    def _run_thread(self, name: str, steps: Callable[[], Steps]) -> None:
        if name not in self._threads:
            self._threads[name] = steps()

    def _servo_thread(self) -> Steps:
        while True:
            yield from self._motions.servoj("servo", *self._servo)

    def _speed_thread(self) -> Steps:
        while True:
            command, *arguments = self._speed
            yield from command("speed", *arguments)

    def _operation(self, steps: Steps) -> Steps:
        self._progress(0)
        yield from steps
        self._progress(-1)

    def _end_async(self, name: str) -> bool:
        if self._threads.pop(name, None) is None:
            return False
        self._progress(-1)
        return True

    # -- moves --

    def _move(self, steps: Callable[[str], Steps]) -> Optional[Steps]:
        self._end_async("move")
        if self._integer(1) == 1:
            self._threads["move"] = self._operation(steps("move"))
            return None
        return steps("main")

    def _movej(self) -> Optional[Steps]:
        goal, speed, acceleration = self._read(0), self._number(6), self._number(7)
        return self._move(lambda thread: self._motions.movej(thread, goal, speed, acceleration))

    def _movej_ik(self) -> Optional[Steps]:
        goal, speed, acceleration = self._motions.inverse(self._pose(0)), self._number(6), self._number(7)
        return self._move(lambda thread: self._motions.movej(thread, goal, speed, acceleration))

    def _movel(self) -> Optional[Steps]:
        goal, speed, acceleration = self._pose(0), self._number(6), self._number(7)
        return self._move(lambda thread: self._motions.movel(thread, goal, speed, acceleration))

    def _movel_fk(self) -> Optional[Steps]:
        goal, speed, acceleration = self._pose_of(self._read(0)), self._number(6), self._number(7)
        return self._move(lambda thread: self._motions.movel(thread, goal, speed, acceleration))

    def _move_path(self) -> Optional[Steps]:
        return self._move(self._along_path)

    def _along_path(self, thread: str) -> Steps:
        """Waypoint by waypoint; blend radii are not rounded, the arm rests at each."""
        for item in self._path:
            if isinstance(item, PathSignal):
                self._progress(item.index)
                continue
            goal = np.array(item.numbers)
            if item.command == "movej":
                joints = self._motions.inverse(pose_from_ur(goal)) if item.is_pose else goal
                yield from self._motions.movej(thread, joints, item.speed, item.acceleration)
            else:
                pose = pose_from_ur(goal) if item.is_pose else self._pose_of(goal)
                yield from self._motions.movel(thread, pose, item.speed, item.acceleration)

    def _stop(self) -> Optional[Steps]:
        deceleration, asynchronous = self._number(0), self._integer(1) == 1
        if not self._end_async("stop"):
            self._end_async("move")
        if asynchronous:
            self._last_stop_linear = True
            self._threads["stop"] = self._operation(self._motions.stopl("stop", deceleration))
            return None
        stop = self._motions.stopl if self._last_stop_linear else self._motions.stopj
        return stop("main", deceleration)

    # -- streams --

    def _servo_to(self, joints: np.ndarray) -> None:
        time, lookahead, gain = self._read(8, 3)
        if not (np.isfinite(joints).all() and time >= 0 and lookahead > 0 and gain > 0):
            numbers = f"q={joints.tolist()} t={time} lookahead_time={lookahead} gain={gain}"
            raise ScriptError(f"servoj: bad arguments {numbers}")
        self._servo = (joints, time, lookahead, gain)
        self._run_thread("servo", self._servo_thread)

    def _servoj(self) -> None:
        self._servo_pose = None
        self._servo_to(self._read(0))

    def _servol(self) -> None:
        numbers = self._read(0)
        if "servo" in self._threads and self._servo_pose is not None and (numbers == self._servo_pose).all():
            self._servo_to(self._servo[0])
        else:
            near = self._servo[0] if "servo" in self._threads else None
            self._servo_to(self._motions.inverse(pose_from_ur(numbers), near))
            self._servo_pose = numbers

    def _speedj(self) -> None:
        self._speed = (self._motions.speedj, self._read(0), self._number(6), self._number(7))
        self._run_thread("speed", self._speed_thread)

    def _speedl(self) -> None:
        self._speed = (self._motions.speedl, self._read(0), self._number(6), self._number(7))
        self._run_thread("speed", self._speed_thread)

    def _servo_stop(self) -> Steps:
        self._threads.pop("servo", None)
        return self._motions.stopl("main", self._number(0))

    def _speed_stop(self) -> Steps:
        self._threads.pop("speed", None)
        joint_space = bool(self._speed) and self._speed[0] == self._motions.speedj
        stop = self._motions.stopj if joint_space else self._motions.stopl
        return stop("main", self._number(0))

    # -- geometry --

    def _pose(self, first: int) -> pin.SE3:
        return pose_from_ur(self._read(first))

    def _pose_of(self, joints: np.ndarray) -> pin.SE3:
        return self._arm.model.forward(joints)

    def _solve(self, near: Optional[np.ndarray]) -> None:
        self._answer(self._motions.inverse(self._pose(0), near))

    def _has_solution(self, near: Optional[np.ndarray]) -> None:
        try:
            self._arm.model.inverse(self._pose(0), self._arm.target if near is None else near)
        except UnreachableError:
            self._answer_integer(0)
        else:
            self._answer_integer(1)

    def _within_limits(self, pose: bool) -> None:
        try:
            joints = self._arm.model.inverse(self._pose(0), self._arm.target) if pose else self._read(0)
        except UnreachableError:
            self._answer_integer(0)
        else:
            self._answer_integer(int(self._host.within_limits(joints)))

    def _forward(self) -> None:
        self._answer(pose_to_ur(self._arm.model.flange(self._read(0)) * pose_from_ur(self._read(6))))

    # -- settings --

    def _set_payload(self) -> None:
        mass, *cog = self._read(0, 4).tolist()
        self._host.set_payload(mass, cog if any(cog) else None)

    def _set_tcp(self) -> None:
        self._arm.model.tcp = self._pose(0)

    def _set_watchdog(self) -> None:
        self._host.watch(self._int[0], self._number(0))


Handler = Callable[[ControlScript], Any]

_HANDLERS: Dict[int, Handler] = {
    1: ControlScript._movej,
    2: ControlScript._movej_ik,
    3: ControlScript._movel,
    4: ControlScript._movel_fk,
    8: lambda s: s._host.zero_force(),
    9: ControlScript._speedj,
    10: ControlScript._speedl,
    11: ControlScript._servoj,
    15: ControlScript._speed_stop,
    16: ControlScript._servo_stop,
    17: ControlScript._set_payload,
    24: ControlScript._servol,
    25: lambda s: s._answer_integer(s._host.contact_steps(s._read(0))),
    26: lambda s: s._answer([s._arm.period]),
    27: lambda s: s._answer(s._host.joint_history(s._integer(1))),
    28: lambda s: s._answer(pose_to_ur(s._arm.target_tcp())),
    29: ControlScript._set_tcp,
    30: lambda s: s._solve(s._read(6)),
    31: lambda s: s._host.protective_stop("protective_stop() was called"),
    33: ControlScript._stop,
    34: ControlScript._stop,
    35: ControlScript._set_watchdog,
    36: lambda s: s._within_limits(pose=True),
    37: lambda s: s._within_limits(pose=False),
    38: lambda s: s._answer(s._host.joint_torques()),
    39: lambda s: s._answer(pose_to_ur(s._pose(0) * s._pose(6))),
    40: lambda s: s._answer(pose_to_ur(s._arm.model.tcp)),
    43: lambda s: s._answer(pose_to_ur(s._arm.actual_tcp())),
    44: ControlScript._forward,
    45: ControlScript._move_path,
    46: lambda s: s._solve(None),
    47: lambda s: s._answer_integer(int(s._arm.steady)),
    58: lambda s: s._answer(pose_to_ur(s._arm.model.flange(s._arm.actual))),
    60: lambda s: s._has_solution(None),
    61: lambda s: s._has_solution(s._read(6)),
    65: ControlScript._set_payload,
}
