"""The UR5e as `ur_rtde` shows it: connect with every check, read, write, leave it standing still."""

from __future__ import annotations

import contextlib
import math
import socket
import time
from collections.abc import Iterator, Sequence

from dashboard_client import DashboardClient
from rtde_control import RTDEControlInterface
from rtde_receive import RTDEReceiveInterface

from prpd_control.driver import health, preflight, receivers
from prpd_control.driver.action import Action, Do
from prpd_control.driver.link import LinkClock
from prpd_control.driver.receivers import Receivers
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Cause, Stop
from prpd_control.driver.tool_frames import ToolFrames
from prpd_control.driver.wires import Wires
from prpd_task.cell import Cell

DASHBOARD, SCRIPT, RTDE = 29999, 30003, 30004
CONNECT_TIMEOUT = 2.0
"""s, per port."""
STOP_SHARE = 0.6
"""Of the watchdog's patience, in which a stop should be over; the rest is for the handshake."""
VARIABLES = [
    "timestamp", "actual_q", "actual_qd", "actual_TCP_pose", "actual_TCP_speed", "actual_TCP_force", "robot_mode",
    "safety_status_bits", "runtime_state", "speed_scaling", "payload",
]  # fmt: skip
Six = tuple[float, float, float, float, float, float]


class StopError(RuntimeError):
    """Something that keeps the driver from working with the controller."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop.message)
        self.stop = stop


class Arm:
    """One connection to one controller. It owns the controller's program until `close`."""

    def __init__(self, settings: DriverSettings, cell: Cell) -> None:
        """Connect; raises StopError, and then nothing of ours runs on the controller."""
        self._settings = settings
        self._frames = ToolFrames(cell.base_from_soil)
        self._clock = LinkClock()
        self._tare: Six = (0.0,) * 6
        self._servoing = False
        self._receivers = Receivers(settings)
        self._wires = Wires(settings.robot_ip, RTDE)
        self._last: health.Reading | None = None
        self._control: RTDEControlInterface | None = None
        _refuse_unreachable(settings.robot_ip)
        self.version = _ask_dashboard(settings)
        with _explained(settings.robot_ip), receivers.calm():
            self._receive = RTDEReceiveInterface(settings.robot_ip, settings.state_rate, VARIABLES)
        reading = self._first_reading()
        now = time.monotonic()
        _refuse(health.trouble(reading, now=now, state_timeout=settings.state_timeout, controlled=False))
        _refuse(preflight.calibration(reading.joints, reading.ur_pose, cell))
        self.warning = preflight.payload(self._receive.getPayload(), settings.bucket_mass)
        if not settings.dry_run:
            self._take_control(cell)
        self._receivers.adopt()
        self._wires = Wires(settings.robot_ip, RTDE)

    def _take_control(self, cell: Cell) -> None:
        flags = RTDEControlInterface.FLAG_UPLOAD_SCRIPT | RTDEControlInterface.FLAG_NO_EXT_FT
        with _explained(self._settings.robot_ip), receivers.calm():
            self._control = RTDEControlInterface(self._settings.robot_ip, self._settings.state_rate, flags)
        stop = preflight.tcp(self._control.getTCPOffset(), cell)
        if stop is not None:
            self.close()
            raise StopError(stop)

    def watch(self) -> None:
        """Start the controller's watchdog: from now on it stops our program unless `apply` is called in time."""
        self._receivers.hurry(time.monotonic())
        if self._control is not None and not self._control.setWatchdog(self._settings.watchdog_rate):
            raise StopError(Stop(Cause.NO_CONTROL, "the controller did not accept the watchdog"))

    def _first_reading(self) -> health.Reading:
        """Once data flow; the age of the very first ones is not known yet."""
        deadline = time.monotonic() + CONNECT_TIMEOUT
        first = self._receive.getTimestamp()
        while self._receive.getTimestamp() - first < 0.02:
            if time.monotonic() > deadline:
                raise StopError(Stop(Cause.LINK_LOST, "the controller accepted the connection but sends no states"))
            self.read(time.monotonic())
            time.sleep(self._settings.period)
        return self.read(time.monotonic())

    def read(self, now: float) -> health.Reading:
        """The controller's last report, in the driver's frames; the same object until there is a new one.

        Raises StopError where the controller has closed the connection.
        """
        if self.cut_off:
            raise StopError(Stop(Cause.LINK_LOST, f"the controller at {self._settings.robot_ip} closed the connection"))
        if self._last is None or self._receive.getTimestamp() != self._last.timestamp:
            self._last = self._read(now)
        self._receivers.see(now, now - self._last.time)
        return self._last

    @property
    def cut_off(self) -> bool:
        """Whether the controller has closed a connection."""
        return self._wires.cut

    def _read(self, now: float) -> health.Reading:
        receive, frames = self._receive, self._frames
        for _ in range(3):  # until no packet came in between
            timestamp = receive.getTimestamp()
            joints, joint_speeds = receive.getActualQ(), receive.getActualQd()
            ur_pose, speed = receive.getActualTCPPose(), receive.getActualTCPSpeed()
            wrench = receive.getActualTCPForce()
            if receive.getTimestamp() == timestamp:
                break
        return health.Reading(
            setpoint=frames.to_setpoint(ur_pose),
            velocity=(*frames.vector_to_soil(speed[:3]), *frames.vector_to_soil(speed[3:])),
            force=frames.vector_to_soil([v - t for v, t in zip(wrench[:3], self._tare)]),
            torque=frames.vector_to_soil([v - t for v, t in zip(wrench[3:], self._tare[3:])]),
            joints=tuple(joints),
            joint_speeds=tuple(joint_speeds),
            ur_pose=tuple(ur_pose),
            timestamp=timestamp,
            time=self._clock.measured(now, timestamp),
            safety_bits=receive.getSafetyStatusBits(),
            robot_mode=receive.getRobotMode(),
            runtime_state=receive.getRuntimeState(),
            speed_scaling=receive.getSpeedScaling(),
        )

    def tare(self, wrenches: Sequence[Sequence[float]]) -> None:
        """Take the mean of these wrenches (base frame, as read) for nothing on the bucket."""
        a, b, c, d, e, f = (sum(column) / len(wrenches) for column in zip(*wrenches))
        self._tare = (a, b, c, d, e, f)

    def wrench(self) -> list[float]:
        """(6,) N and N m in the controller's frame, as it reports it."""
        return list(self._receive.getActualTCPForce())

    def apply(self, action: Action) -> None:
        """Carry out one cycle's action."""
        if self._control is None:
            return
        if action.do is Do.SERVO and action.setpoint is not None:
            s = self._settings
            self._servoing = True
            self._control.servoL(
                self._frames.to_ur(action.setpoint), 0.5, 0.5, s.period, s.servo_lookahead, s.servo_gain
            )
        elif action.do is Do.KEEP:
            self._control.kickWatchdog()
        elif action.do is Do.HALT:
            self._halt()

    def _halt(self) -> None:
        if self._servoing and self._control is not None:
            self._servoing = False
            self._receivers.hurry(time.monotonic())
            self._control.servoStop(stop_deceleration(self._last.velocity if self._last else (), self._settings))

    def close(self) -> None:
        """Brake, end our program, disconnect; over a dead link only the controller's watchdog is left to do that.

        The process must end after this without destructors: over a dead link those of `ur_rtde` hang or abort.
        """
        if self._control is None:
            return
        now = time.monotonic()
        try:
            reading = self.read(now)
        except StopError:
            return
        if now - reading.time < self._settings.state_timeout:
            if reading.runtime_state == health.PLAYING:
                self._halt()
            self._control.stopScript()
            self._control.disconnect()


def stop_deceleration(velocity: Sequence[float], settings: DriverSettings) -> float:
    """m/s2 and rad/s2 of a stop, which has one number for both, from a velocity in m/s and rad/s.

    While the controller brakes, `ur_rtde` waits and sends nothing. A stop that lasts longer than the watchdog waits
    would end the program, and with it the way back from too great a force. A turn brakes as hard as turns may begin.
    """
    fastest = max(math.hypot(*velocity[:3]), math.hypot(*velocity[3:]))
    in_time = fastest * settings.watchdog_rate / STOP_SHARE
    return max(settings.stop_deceleration, min(in_time, settings.max_turn_acceleration))


def _refuse(stop: Stop | None) -> None:
    if stop is not None:
        raise StopError(stop)


def _refuse_unreachable(address: str) -> None:
    """Find in seconds what `ur_rtde` would wait for much longer."""
    for port in (DASHBOARD, RTDE, SCRIPT):
        try:
            socket.create_connection((address, port), CONNECT_TIMEOUT).close()
        except OSError as error:
            seen = f"nothing answers at {address} port {port} ({error})"
            raise StopError(Stop(Cause.UNREACHABLE_ADDRESS, seen)) from error


def _ask_dashboard(settings: DriverSettings) -> str:
    """The controller's version, if it is one to work with and ready."""
    dashboard = DashboardClient(settings.robot_ip)
    with _explained(settings.robot_ip):
        dashboard.connect(int(CONNECT_TIMEOUT * 1000))
        version = dashboard.polyscopeVersion()
        _refuse(preflight.version(version))
        remote = dashboard.isInRemoteControl()
        _refuse(
            preflight.readiness(
                robot_mode=dashboard.robotmode(),
                safety_status=dashboard.safetystatus(),
                remote=remote,
                dry_run=settings.dry_run,
            )
        )
        if remote and not settings.dry_run and "PAUSED" in dashboard.programState():
            dashboard.stop()  # what a protective stop has left of our program
        dashboard.disconnect()
    return str(version)


@contextlib.contextmanager
def _explained(address: str) -> Iterator[None]:
    """Turn what `ur_rtde` raises into what an operator can use."""
    try:
        yield
    except StopError:
        raise
    except RuntimeError as error:
        text = " ".join(str(error).split())
        if "already in use" in text:
            raise StopError(
                Stop(Cause.REGISTERS_IN_USE, f"another client of {address} holds the controller's registers")
            ) from error
        if "remote control" in text:
            raise StopError(Stop(Cause.NOT_REMOTE, "the robot is in local control")) from error
        raise StopError(Stop(Cause.NO_CONTROL, f"the controller at {address} refused: {text}")) from error
