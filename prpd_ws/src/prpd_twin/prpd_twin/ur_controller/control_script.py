"""The commands of the control script that `ur_rtde` uploads: motions and answers out, by registers.

Its quirks are part of it (a stale register answers a real-time getter's first call, asynchronous stops are always
linear), because clients meet them on a real robot. What this emulator does not have ends the program, in words.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

import numpy as np
import pinocchio as pin

from prpd_twin.ur_controller.host import Host
from prpd_twin.ur_controller.kinematics import UnreachableError, pose_from_ur, pose_to_ur
from prpd_twin.ur_controller.script_machine import CONTACT, ScriptMachine
from prpd_twin.ur_controller.upload import PathSignal, Upload
from prpd_twin.ur_controller.urscript import ScriptError, Steps

STEP_BACK_SPEED, STEP_BACK_ACCELERATION, CONTACT_DECELERATION = 0.25, 1.2, 3.0
"""m/s, m/s^2 (defaults of `movel`) and m/s^2, after a contact."""
JOG_STOP, JOG_TIME = 1.2, 0.01
"""m/s^2 and s."""
NOT_EMULATED = {6: "forceMode", 7: "forceModeStop", 12: "servoC", 18: "teachMode", 52: "freedriveMode"}
WITHOUT_EFFECT = frozenset({19, 20, 21, 53, 56, 57, 59})
"""Settings of modes that the emulator does not have, and gravity, which stays where it is."""


class ControlScript(ScriptMachine):
    """One run of the script, with the path that its client wrote into it."""

    def __init__(self, host: Host, upload: Upload) -> None:
        super().__init__(host, int_offset=upload.int_offset, float_offset=upload.float_offset)
        self._path = upload.path
        self._servo: tuple = ()
        self._servo_pose: Optional[np.ndarray] = None
        self._speed: tuple = ()
        self._jog: tuple = ()
        self._last_stop_linear = False
        self._contact_steps = 0

    def start(self, code: int) -> Optional[Steps]:
        """Carry out a command; what takes time is returned as a generator."""
        if code in NOT_EMULATED:
            raise ScriptError(f"{NOT_EMULATED[code]} is not emulated")
        if code in WITHOUT_EFFECT:
            return None
        handler = _HANDLERS.get(code)
        if handler is None:
            self.host.log(f"control script: command {code} is unknown")
            return None
        steps: Optional[Steps] = handler(self)
        return steps

    def _servo_thread(self) -> Steps:
        while True:
            yield from self.motions.servoj("servo", *self._servo)

    def _speed_thread(self) -> Steps:
        while True:
            command, *arguments = self._speed
            yield from command("speed", *arguments)

    # -- moves --

    def _move(self, steps: Callable[[str], Steps]) -> Optional[Steps]:
        self.end_operation("move")
        if self.integer(1) == 1:
            self.threads["move"] = self.operation(steps("move"))
            return None
        return steps("main")

    def _movej(self) -> Optional[Steps]:
        goal, speed, acceleration = self.read(0), self.number(6), self.number(7)
        return self._move(lambda thread: self.motions.movej(thread, goal, speed, acceleration))

    def _movej_ik(self) -> Optional[Steps]:
        goal, speed, acceleration = self.motions.inverse(self.pose(0)), self.number(6), self.number(7)
        return self._move(lambda thread: self.motions.movej(thread, goal, speed, acceleration))

    def _movel(self) -> Optional[Steps]:
        goal, speed, acceleration = self.pose(0), self.number(6), self.number(7)
        return self._move(lambda thread: self.motions.movel(thread, goal, speed, acceleration))

    def _movel_fk(self) -> Optional[Steps]:
        goal, speed, acceleration = self._pose_of(self.read(0)), self.number(6), self.number(7)
        return self._move(lambda thread: self.motions.movel(thread, goal, speed, acceleration))

    def _move_path(self) -> Optional[Steps]:
        return self._move(self._along_path)

    def _along_path(self, thread: str) -> Steps:
        """Waypoint by waypoint; blend radii are not rounded, the arm rests at each."""
        for item in self._path:
            if isinstance(item, PathSignal):
                self.progress(item.index)
                continue
            goal = np.array(item.numbers)
            if item.command == "movej":
                joints = self.motions.inverse(pose_from_ur(goal)) if item.is_pose else goal
                yield from self.motions.movej(thread, joints, item.speed, item.acceleration)
            else:
                pose = pose_from_ur(goal) if item.is_pose else self._pose_of(goal)
                yield from self.motions.movel(thread, pose, item.speed, item.acceleration)

    def _stop(self) -> Optional[Steps]:
        deceleration, asynchronous = self.number(0), self.integer(1) == 1
        if not self.end_operation("stop"):
            self.end_operation("move")
        if asynchronous:
            self._last_stop_linear = True
            self.threads["stop"] = self.operation(self.motions.stopl("stop", deceleration))
            return None
        stop = self.motions.stopl if self._last_stop_linear else self.motions.stopj
        return stop("main", deceleration)

    # -- streams --

    def _servo_to(self, joints: np.ndarray) -> None:
        time, lookahead, gain = self.read(8, 3)
        if not (time >= 0 and lookahead > 0 and gain > 0):
            raise ScriptError(f"servoj: bad arguments t={time} lookahead_time={lookahead} gain={gain}")
        self._servo = (joints, time, lookahead, gain)
        self.run_once("servo", self._servo_thread)

    def _servoj(self) -> None:
        self._servo_pose = None
        self._servo_to(self.read(0))

    def _servol(self) -> None:
        numbers = self.read(0)
        if "servo" in self.threads and self._servo_pose is not None and (numbers == self._servo_pose).all():
            self._servo_to(self._servo[0])
        else:
            near = self._servo[0] if "servo" in self.threads else None
            self._servo_to(self.motions.inverse(pose_from_ur(numbers), near))
            self._servo_pose = numbers

    def _speedj(self) -> None:
        self._speed = (self.motions.speedj, self.read(0), self.number(6), self.number(7))
        self.run_once("speed", self._speed_thread)

    def _speedl(self) -> None:
        self._speed = (self.motions.speedl, self.read(0), self.number(6), self.number(7))
        self.run_once("speed", self._speed_thread)

    def _servo_stop(self) -> Steps:
        self.threads.pop("servo", None)
        return self.motions.stopl("main", self.number(0))

    def _speed_stop(self) -> Steps:
        self.threads.pop("speed", None)
        joint_space = bool(self._speed) and self._speed[0] == self.motions.speedj
        stop = self.motions.stopj if joint_space else self.motions.stopl
        return stop("main", self.number(0))

    # -- contact and jogging --

    def _move_until_contact(self) -> Steps:
        twist, direction, acceleration = self.read(0), self.read(6), self.number(12)
        while not (steps := self.host.contact_steps(direction)):
            yield from self.motions.speedl("main", twist, acceleration, self.arm.period)
        yield from self._step_back(steps)

    def _step_back(self, steps: int) -> Steps:
        """Stop, and go to where the contact began."""
        joints = self.host.joint_history(steps)
        yield from self.motions.stopl("main", CONTACT_DECELERATION)
        yield from self.motions.movel("main", self._pose_of(joints), STEP_BACK_SPEED, STEP_BACK_ACCELERATION)

    def _start_contact_detection(self) -> None:
        self.threads["contact"] = self._contact_thread(self.read(0))

    def _contact_thread(self, direction: np.ndarray) -> Steps:
        """Wait until nothing touches, then until something does."""
        self._contact_steps = 0
        while self.host.contact_steps(self._along(direction)):
            yield
        while not (steps := self.host.contact_steps(self._along(direction))):
            yield
        self._contact_steps = steps
        self.internal_command = CONTACT

    def _along(self, direction: np.ndarray) -> np.ndarray:
        return direction if direction.sum() >= 1e-10 else self.arm.target_twist()

    def _contact_found(self) -> Steps:
        self.end_operation("move")
        yield from self._step_back(self._contact_steps)

    def _stop_contact_detection(self) -> None:
        self.threads.pop("contact", None)
        self.answer_integer(self._contact_steps)

    def _start_jog(self) -> None:
        feature = round(self.number(6))
        frame = {1: self.arm.actual_tcp, 2: lambda: self.pose(8)}.get(feature, pin.SE3.Identity)().rotation
        self._jog = (frame, self.read(0), self.number(7))
        self.run_once("jog", self._jog_thread)

    def _jog_thread(self) -> Steps:
        while True:
            frame, speeds, acceleration = self._jog
            twist = np.concatenate([frame @ speeds[:3], frame @ speeds[3:]])
            yield from self.motions.speedl("jog", twist, acceleration, JOG_TIME)

    def _stop_jog(self) -> Steps:
        self.threads.pop("jog", None)
        return self.motions.stopl("main", JOG_STOP)

    # -- geometry --

    def _pose_of(self, joints: np.ndarray) -> pin.SE3:
        return self.arm.model.forward(joints)

    def _solve(self, near: Optional[np.ndarray]) -> None:
        self.answer(self.motions.inverse(self.pose(0), near))

    def _has_solution(self, near: Optional[np.ndarray]) -> None:
        try:
            self.arm.model.inverse(self.pose(0), self.arm.target if near is None else near)
        except UnreachableError:
            self.answer_integer(0)
        else:
            self.answer_integer(1)

    def _within_limits(self, pose: bool) -> None:
        try:
            joints = self.arm.model.inverse(self.pose(0), self.arm.target) if pose else self.read(0)
        except UnreachableError:
            self.answer_integer(0)
        else:
            self.answer_integer(int(self.host.within_limits(joints.tolist())))

    def _forward(self) -> None:
        self.answer(pose_to_ur(self.arm.model.flange(self.read(0)) * pose_from_ur(self.read(6))))

    # -- settings --

    def _set_payload(self) -> None:
        mass, *cog = self.read(0, 4).tolist()
        if mass < 0:
            raise ScriptError(f"set_payload: a mass cannot be {mass} kg")
        self.host.set_payload(mass, cog if any(cog) else None)

    def _set_tcp(self) -> None:
        self.arm.model.tcp = self.pose(0)

    def _set_watchdog(self) -> None:
        self.host.watch(self.command_register, self.number(0))


_HANDLERS: Dict[int, Callable[[ControlScript], Any]] = {
    1: ControlScript._movej,
    2: ControlScript._movej_ik,
    3: ControlScript._movel,
    4: ControlScript._movel_fk,
    8: lambda s: s.host.zero_force(),
    9: ControlScript._speedj,
    10: ControlScript._speedl,
    11: ControlScript._servoj,
    15: ControlScript._speed_stop,
    16: ControlScript._servo_stop,
    17: ControlScript._set_payload,
    24: ControlScript._servol,
    25: lambda s: s.answer_integer(s.host.contact_steps(s.read(0))),
    26: lambda s: s.answer([s.arm.period]),
    27: lambda s: s.answer(s.host.joint_history(s.integer(1))),
    28: lambda s: s.answer(pose_to_ur(s.arm.target_tcp())),
    29: ControlScript._set_tcp,
    30: lambda s: s._solve(s.read(6)),
    31: lambda s: s.host.protective_stop("protective_stop() was called"),
    33: ControlScript._stop,
    34: ControlScript._stop,
    35: ControlScript._set_watchdog,
    36: lambda s: s._within_limits(pose=True),
    37: lambda s: s._within_limits(pose=False),
    38: lambda s: s.answer(s.host.joint_torques()),
    39: lambda s: s.answer(pose_to_ur(s.pose(0) * s.pose(6))),
    40: lambda s: s.answer(pose_to_ur(s.arm.model.tcp)),
    41: ControlScript._start_jog,
    42: ControlScript._stop_jog,
    43: lambda s: s.answer(pose_to_ur(s.arm.actual_tcp())),
    44: ControlScript._forward,
    45: ControlScript._move_path,
    46: lambda s: s._solve(None),
    47: lambda s: s.answer_integer(int(s.arm.steady)),
    51: ControlScript._move_until_contact,
    54: lambda s: s.answer_integer(0),
    58: lambda s: s.answer(pose_to_ur(s.arm.model.flange(s.arm.actual))),
    60: lambda s: s._has_solution(None),
    61: lambda s: s._has_solution(s.read(6)),
    62: ControlScript._start_contact_detection,
    63: ControlScript._stop_contact_detection,
    64: lambda s: s.answer_integer(s._contact_steps),
    65: ControlScript._set_payload,
    CONTACT: ControlScript._contact_found,
}
