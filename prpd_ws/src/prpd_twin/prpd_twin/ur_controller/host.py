"""What a program sees of the controller that it runs on."""

from __future__ import annotations

from typing import Any, Dict, Optional, Protocol, Sequence

import numpy as np

from prpd_twin.ur_controller.arm import Arm
from prpd_twin.ur_controller.variables import Inputs


class Host(Protocol):
    """The part of the controller that programs may use."""

    arm: Arm
    inputs: Inputs
    outputs: Dict[str, Any]

    def log(self, text: str) -> None:
        """A line for the controller's log."""

    def set_payload(self, mass: float, cog: Optional[Sequence[float]]) -> None:
        """Kg and m in the flange's frame; without a centre of gravity the present one is kept."""

    def zero_force(self) -> None:
        """Take the present force reading for zero."""

    def watch(self, variable: str, frequency: float) -> None:
        """Stop the program when no packet with `variable` has come for 1 / frequency s; 0 ends the watch."""

    def protective_stop(self, reason: str) -> None:
        """Stop the arm and pause the program until a person unlocks it."""

    def within_limits(self, joints: Sequence[float]) -> bool:
        """Whether the safety limits allow these joint angles."""

    def contact_steps(self, direction: np.ndarray) -> int:
        """Cycles since contact against `direction` (TCP speed; zeros for any), 0 without."""

    def joint_history(self, steps: int) -> np.ndarray:
        """(6,) rad, actual joint angles so many cycles ago."""

    def joint_torques(self) -> np.ndarray:
        """(6,) N m that the joints exert against forces from outside."""
