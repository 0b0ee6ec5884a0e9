"""The robot commands of URScript that `ur_rtde`'s control script uses.

Commands that take time are generators which yield once per controller cycle. Each motion takes the arm for the cycle
under the name of its thread; two threads in one cycle end the program, as on a real controller.
"""

from __future__ import annotations

from typing import Callable, Generator, Optional, Union

import numpy as np
import pinocchio as pin

from prpd_twin.ur_controller.arm import Arm
from prpd_twin.ur_controller.kinematics import UnreachableError
from prpd_twin.ur_controller.motion import JointPath, LinePath, approach, brake, servo_step

Steps = Generator[None, None, None]


class ScriptError(RuntimeError):
    """A runtime error of URScript: the program ends."""


class MotionError(RuntimeError):
    """A motion that the robot cannot carry out: it makes a protective stop."""


class Motions:
    """Moves of one arm, for the threads of one program."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._mover: Optional[str] = None

    def new_cycle(self) -> None:
        """Nobody moves the arm yet."""
        self._mover = None

    def _take(self, thread: str, joints: np.ndarray) -> None:
        if self._mover not in (None, thread):
            raise ScriptError(f"another thread is already controlling the robot: `{self._mover}`, and then `{thread}`")
        self._mover = thread
        self._arm.command(joints)

    def inverse(self, pose: pin.SE3, near: Optional[np.ndarray] = None) -> np.ndarray:
        """`get_inverse_kin`: joint angles for a TCP pose; a ScriptError where there are none."""
        try:
            return self._arm.model.inverse(pose, self._arm.target if near is None else near)
        except UnreachableError as error:
            raise ScriptError(f"get_inverse_kin: {error}") from error

    def _inverse_on_path(self, pose: pin.SE3) -> np.ndarray:
        try:
            return self._arm.model.inverse(pose, self._arm.target)
        except UnreachableError as error:
            raise MotionError(f"the path leaves the arm's reach: {error}") from error

    def _follow(self, thread: str, plan: Callable[[], Union[JointPath, LinePath]], acceleration: float) -> Steps:
        """Along a path that starts where the arm stands; planned anew where something else moved the arm meanwhile."""
        arm = self._arm
        while arm.target_speed.any():
            self._take(thread, self._braked(acceleration))
            yield
        path, time, expected = plan(), 0.0, arm.target
        while time < path.duration:
            if arm.target is not expected:
                yield from self._follow(thread, plan, acceleration)
                return
            time += arm.period * arm.speed_fraction
            place = path.at(time)
            expected = self._inverse_on_path(place) if isinstance(place, pin.SE3) else place
            self._take(thread, expected)
            yield

    def _braked(self, deceleration: float) -> np.ndarray:
        arm = self._arm
        return arm.target + arm.period * brake(arm.target_speed, deceleration * arm.period)

    def movej(self, thread: str, joints: np.ndarray, speed: float, acceleration: float) -> Steps:
        """To joint angles, in a straight line of joint space."""
        yield from self._follow(thread, lambda: JointPath(self._arm.target, joints, speed, acceleration), acceleration)

    def movel(self, thread: str, pose: pin.SE3, speed: float, acceleration: float) -> Steps:
        """To a TCP pose, in a straight line of space."""
        plan = lambda: LinePath(self._arm.target_tcp(), pose, speed, acceleration)  # noqa: E731
        yield from self._follow(thread, plan, acceleration)

    def stopj(self, thread: str, deceleration: float) -> Steps:
        """To rest, linear in joint speeds."""
        while self._arm.target_speed.any():
            self._take(thread, self._braked(deceleration))
            yield

    def stopl(self, thread: str, deceleration: float) -> Steps:
        """To rest, linear in tool speed."""
        arm = self._arm
        if not arm.target_speed.any():
            return
        twist = arm.target_twist()
        while arm.target_speed.any():
            twist = approach(twist, np.zeros(6), deceleration * arm.period)
            self._take(thread, arm.target + arm.period * self._joint_speeds(twist) if twist.any() else arm.target)
            yield

    def servoj(self, thread: str, joints: np.ndarray, time: float, lookahead: float, gain: float) -> Steps:
        """Towards joint angles for `time` seconds."""
        arm = self._arm
        for _ in range(max(1, round(time / arm.period))):
            place, _ = servo_step(
                arm.target, arm.target_speed, joints, lookahead=lookahead, gain=gain, period=arm.period
            )
            self._take(thread, place)
            yield

    def speedj(self, thread: str, speeds: np.ndarray, acceleration: float, time: float) -> Steps:
        """Towards joint speeds, for `time` seconds, or until they are reached where that is 0."""
        arm, cycles = self._arm, 0
        while True:
            way = speeds - arm.target_speed
            step = acceleration * arm.period
            fastest = float(np.abs(way).max())
            new = speeds if fastest <= step else arm.target_speed + way * (step / fastest)
            self._take(thread, arm.target + arm.period * new)
            cycles += 1
            yield
            if (cycles * arm.period >= time - 1e-9) if time > 0 else fastest <= step:
                return

    def speedl(self, thread: str, twist: np.ndarray, acceleration: float, time: float) -> Steps:
        """Towards a TCP speed along the axes of `base`, likewise."""
        arm, cycles = self._arm, 0
        while True:
            now = arm.target_twist()
            new = approach(now, twist, acceleration * arm.period)
            self._take(thread, arm.target + arm.period * self._joint_speeds(new))
            cycles += 1
            yield
            reached = float(np.linalg.norm(twist - new)) < 1e-9
            if (cycles * arm.period >= time - 1e-9) if time > 0 else reached:
                return

    def _joint_speeds(self, twist: np.ndarray) -> np.ndarray:
        arm = self._arm
        jacobian = arm.model.jacobian(arm.target)
        if np.linalg.cond(jacobian) > 1e4:
            raise MotionError("the arm is at a singularity, where tool speeds have no joint speeds")
        return np.linalg.solve(jacobian, twist)
