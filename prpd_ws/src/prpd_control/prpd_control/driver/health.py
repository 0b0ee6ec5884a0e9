"""What the controller must report for the arm to move: a pure look at one reading."""

from __future__ import annotations

from dataclasses import dataclass

from prpd_control.driver.stops import Cause, Stop
from prpd_control.driver.tool_frames import Setpoint

ROBOT_MODES = {
    -1: "no controller", 0: "disconnected", 1: "to confirm safety", 2: "booting", 3: "powered off",
    4: "powered on, brakes on", 5: "idle, brakes on", 6: "in backdrive", 7: "running", 8: "updating firmware",
}  # fmt: skip
RUNNING = 7
PLAYING = 2

PROTECTIVE = 1 << 2
SAFEGUARD = 1 << 4
EMERGENCY = 1 << 5 | 1 << 6 | 1 << 7
BROKEN = 1 << 3 | 1 << 8 | 1 << 9  # recovery, violation, fault
STOPPED_BY_SAFETY = 1 << 10


@dataclass(frozen=True, slots=True)
class Reading:
    """What the controller reported last, in the driver's frames."""

    setpoint: Setpoint
    """Measured bucket pose and residual, soil frame."""
    velocity: tuple[float, float, float, float, float, float]
    """m/s and rad/s, of the bucket, soil frame."""
    force: tuple[float, float, float]
    """N, on the bucket, soil frame, less the tare."""
    torque: tuple[float, float, float]
    """N m, on the bucket, soil frame, less the tare."""
    joints: tuple[float, ...]
    """(6,) rad."""
    joint_speeds: tuple[float, ...]
    """(6,) rad/s."""
    ur_pose: tuple[float, ...]
    """TCP pose as the controller sent it."""
    timestamp: float
    """s, controller's time."""
    time: float
    """s, monotonic: when the controller measured this, as far as can be known."""
    safety_bits: int
    robot_mode: int
    runtime_state: int
    speed_scaling: float
    """0..1, the pendant's slider."""

    @property
    def at_rest(self) -> bool:
        """Whether no joint turns."""
        return max(abs(v) for v in self.joint_speeds) < 2e-3


def trouble(reading: Reading, *, now: float, state_timeout: float, controlled: bool) -> Stop | None:
    """Why the arm must not be moved; `controlled` says that our program should be running on the controller."""
    if now - reading.time > state_timeout:
        return Stop(Cause.LINK_LOST, f"the last state of the arm is {(now - reading.time) * 1e3:.0f} ms old")
    bits = reading.safety_bits
    if bits & EMERGENCY:
        return Stop(Cause.EMERGENCY_STOP, "an emergency stop is active")
    if bits & BROKEN:
        return Stop(Cause.SAFETY_FAULT, f"the safety system reports recovery, violation or fault (bits {bits:#x})")
    if bits & PROTECTIVE:
        return Stop(Cause.PROTECTIVE_STOP, "the arm made a protective stop")
    if bits & SAFEGUARD:
        return Stop(Cause.SAFEGUARD_STOP, "a safeguard stop is active")
    if bits & STOPPED_BY_SAFETY:
        return Stop(Cause.SAFETY_FAULT, f"the safety system stopped the arm (bits {bits:#x})")
    if reading.robot_mode != RUNNING:
        return Stop(
            Cause.NOT_RUNNING, f"the arm is {ROBOT_MODES.get(reading.robot_mode, f'in mode {reading.robot_mode}')}"
        )
    if controlled and reading.runtime_state != PLAYING:
        return Stop(Cause.PROGRAM_STOPPED, "the driver's program on the controller does not run any more")
    return None
