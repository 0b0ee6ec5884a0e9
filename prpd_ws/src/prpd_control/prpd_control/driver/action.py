"""What the supervisor tells the arm to do in a cycle."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from prpd_control.driver.tool_frames import Setpoint


class Do(Enum):
    """What to tell the controller in this cycle."""

    NOTHING = "nothing"
    """Write nothing: its watchdog shall stop the program."""
    KEEP = "keep"
    """Stand still, and keep the watchdog content."""
    SERVO = "servo"
    """Send the setpoint."""
    HALT = "halt"
    """End the servo motion: brake to standstill."""


@dataclass(frozen=True, slots=True)
class Action:
    """What to do in a cycle, and with `SERVO` where to go."""

    do: Do
    setpoint: Setpoint | None = None


NOTHING, KEEP, HALT = Action(Do.NOTHING), Action(Do.KEEP), Action(Do.HALT)
