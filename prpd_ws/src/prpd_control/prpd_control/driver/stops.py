"""Every reason for which the arm stands still, and what an operator is told: what happened, what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from prpd_control.modes import Mode

RECOVER = "Then call the service bucket_driver/recover."
ENABLE = (
    "On the pendant: confirm the message, press `Enable Robot` (the program never unlocks a stop by itself). " + RECOVER
)
START = "On the pendant: press the red power button at the bottom left, then ON, then START. " + RECOVER


class Cause(Enum):
    """Code, the mode that it leads to, and the remedy."""

    REQUESTED = ("requested", Mode.STOPPED, "Call the service bucket_driver/recover to go on.")
    COMMAND_SILENCE = (
        "command_silence",
        Mode.STOPPED,
        "Check that the policy's node runs and has a rock state; then call bucket_driver/recover.",
    )
    COMMAND_NOT_FINITE = ("command_not_finite", Mode.STOPPED, "The sender is broken: correct it. " + RECOVER)
    COMMAND_FRAME = ("command_frame", Mode.STOPPED, "Send bucket poses in the frame `soil`. " + RECOVER)
    COMMAND_STALE = (
        "command_stale",
        Mode.STOPPED,
        "Check camera, perception and the clocks of the machines. " + RECOVER,
    )
    COMMAND_ORDER = (
        "command_order",
        Mode.STOPPED,
        "Let one node only publish on bucket/command. " + RECOVER,
    )
    COMMAND_OUTSIDE = (
        "command_outside",
        Mode.STOPPED,
        "Correct the sender, or the parameters box_low and box_high where the cell has more room. " + RECOVER,
    )
    COMMAND_JUMP = (
        "command_jump",
        Mode.STOPPED,
        "Send targets nearer to each other, or give them more time. " + RECOVER,
    )
    UNREACHABLE = (
        "unreachable",
        Mode.STOPPED,
        "Check the cell file, or move the soil box into the arm's reach. " + RECOVER,
    )
    JOINT_RANGE = (
        "joint_range",
        Mode.STOPPED,
        "On the pendant, Move tab: turn the named joint towards the middle of its range. " + RECOVER,
    )
    SINGULARITY = (
        "singularity",
        Mode.STOPPED,
        "Keep the bucket away from there, or mount the soil box where the arm is less folded or stretched. " + RECOVER,
    )
    TILT = (
        "tilt",
        Mode.STOPPED,
        "On the pendant, Move tab or freedrive: level the bucket's lateral axis near its home pose. " + RECOVER,
    )
    FORCE = (
        "force",
        Mode.STOPPED,
        "Look what the bucket pressed on; free it before going on. " + RECOVER,
    )
    LAG = (
        "lag",
        Mode.STOPPED,
        "Check the pendant's speed slider (100 %) and that nothing holds the arm. " + RECOVER,
    )
    NODE_SILENCE = (
        "node_silence",
        Mode.STOPPED,
        "The driver's node hangs or is starved: relieve the machine. " + RECOVER,
    )
    PROGRAM_STOPPED = (
        "program_stopped",
        Mode.STOPPED,
        "Where no pause of the driver is named, somebody stopped it on the pendant: ask them. A pause wakes the "
        "watchdog: relieve the machine, or give the driver real-time priority. " + RECOVER,
    )
    PROTECTIVE_STOP = ("protective_stop", Mode.FAULT, "Find what the arm hit and clear it. " + ENABLE)
    EMERGENCY_STOP = (
        "emergency_stop",
        Mode.FAULT,
        "Make the cell safe, turn the red button to release it. " + START,
    )
    SAFEGUARD_STOP = ("safeguard_stop", Mode.FAULT, "Close the fence or clear the scanner, and reset it. " + RECOVER)
    SAFETY_FAULT = (
        "safety_fault",
        Mode.FAULT,
        "On the pendant: read the log, press `Restart safety`, then power the arm on. " + RECOVER,
    )
    NOT_RUNNING = ("not_running", Mode.FAULT, START)
    UNREACHABLE_ADDRESS = (
        "unreachable_address",
        Mode.DISCONNECTED,
        "Check the parameter robot_ip against the pendant (menu > Settings > System > Network), the cable, and that "
        "the controller is on. " + RECOVER,
    )
    WRONG_VERSION = (
        "wrong_version",
        Mode.DISCONNECTED,
        "Use an e-Series controller with PolyScope 5.6 or newer (pendant: menu > Settings > System > Update).",
    )
    NOT_REMOTE = (
        "not_remote",
        Mode.DISCONNECTED,
        "On the pendant: switch from `Local` to `Remote Control` at the top right (menu > Settings > System > Remote "
        "Control > Enable makes the switch appear). " + RECOVER,
    )
    REGISTERS_IN_USE = (
        "registers_in_use",
        Mode.DISCONNECTED,
        "End the other driver or RTDE client; on the pendant, Installation > Fieldbus: disable EtherNet/IP, PROFINET "
        "and MODBUS. " + RECOVER,
    )
    TCP_MISMATCH = (
        "tcp_mismatch",
        Mode.DISCONNECTED,
        "On the pendant, Installation > General > TCP: enter the bucket's TCP as the cell file has it, make it the "
        "default, save; or correct the cell file. " + RECOVER,
    )
    CALIBRATION_MISMATCH = (
        "calibration_mismatch",
        Mode.DISCONNECTED,
        "Check that the arm is a UR5e, and on the pendant, Installation > General > TCP, that the active TCP is the "
        "bucket. " + RECOVER,
    )
    NO_CONTROL = ("no_control", Mode.DISCONNECTED, "Restart the controller's program from the pendant. " + RECOVER)
    LINK_LOST = (
        "link_lost",
        Mode.DISCONNECTED,
        "Check cable, switch and controller; the controller's watchdog has stopped the arm. " + RECOVER,
    )
    STREAM_DIED = (
        "stream_died",
        Mode.DISCONNECTED,
        "The controller's watchdog has stopped the arm. If network or controller went down, that is why: check them; "
        "else look at the log. " + RECOVER,
    )

    def __init__(self, code: str, mode: Mode, remedy: str) -> None:
        self.code = code
        self.mode = mode
        self.remedy = remedy


@dataclass(frozen=True)
class Stop:
    """One stop: why, and what exactly was seen."""

    cause: Cause
    seen: str

    @property
    def message(self) -> str:
        """For the operator: code, what was seen, what to do."""
        return f"{self.cause.code}: {self.seen}. {self.cause.remedy}"
