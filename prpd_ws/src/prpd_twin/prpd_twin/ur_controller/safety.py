"""What the robot's own safety system does: modes, limits, and when it stops the arm."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Optional, Sequence


class RobotMode(IntEnum):
    """As RTDE's robot_mode reports it."""

    POWER_OFF = 3
    IDLE = 5
    RUNNING = 7


class SafetyMode(IntEnum):
    """As RTDE's safety_mode reports it."""

    NORMAL = 1
    PROTECTIVE_STOP = 3
    ROBOT_EMERGENCY_STOP = 7


class RuntimeState(IntEnum):
    """Of the program, as RTDE's runtime_state reports it."""

    STOPPED = 1
    PLAYING = 2
    PAUSED = 4


SAFETY_BITS = {
    SafetyMode.NORMAL: 0x001,
    SafetyMode.PROTECTIVE_STOP: 0x404,
    SafetyMode.ROBOT_EMERGENCY_STOP: 0x4C0,
}
"""safety_status_bits: 0 normal, 2 protective stopped, 6 robot and 7 any emergency stop, 10 stopped due to safety."""

UNLOCK_DELAY = 5.0
"""s, so long a protective stop cannot be unlocked."""


@dataclass(frozen=True)
class SafetyLimits:
    """Where the arm stops by itself; the defaults are a UR5e's factory preset."""

    tcp_force: float = 150.0
    """N."""
    tcp_speed: float = 1.5
    """m/s."""
    joint_speed: float = 3.33
    """rad/s (191 degrees per second)."""
    joint_acceleration: float = 40.0
    """rad/s^2; targets that ask for more count as a jump."""
    force_time: float = 0.01
    """s, a force must exceed the limit for so long."""

    def violation(
        self,
        *,
        speeds: Sequence[float],
        accelerations: Sequence[float],
        inside: bool,
        tcp_speed: float,
        force: float,
    ) -> Optional[str]:
        """Which limit is exceeded, in words, or None. `inside` is whether the joints are within their ranges."""
        if not inside:
            return "joint position limit"
        if (fastest := max(map(abs, speeds))) > self.joint_speed:
            return f"joint speed limit: {fastest:.2f} rad/s is above {self.joint_speed} rad/s"
        if (most := max(map(abs, accelerations))) > self.joint_acceleration:
            return f"sudden change of target: {most:.0f} rad/s^2 is above {self.joint_acceleration} rad/s^2"
        if tcp_speed > self.tcp_speed:
            return f"tool speed limit: {tcp_speed:.2f} m/s is above {self.tcp_speed} m/s"
        if force > self.tcp_force:
            return f"tool force limit: {force:.0f} N is above {self.tcp_force} N"
        return None
