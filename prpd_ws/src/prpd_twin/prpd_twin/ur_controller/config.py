"""What the emulated robot is: its fields are command line options of `ur_controller`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Tuple

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_twin.ur_controller.force import Payload
from prpd_twin.ur_controller.safety import SafetyLimits


def nominal_tool() -> Payload:
    """The bucket of the nominal cell, its centre of gravity about in the middle of the bowl's floor."""
    return Payload(BucketGeometry().mass, Cell().tool0_from_bucket.position)


@dataclass(frozen=True)
class RobotConfig:
    """The emulated robot itself."""

    joints: Tuple[float, float, float, float, float, float] = (-0.6387, -1.3936, 2.1233, -2.3809, -1.7207, -2.0655)
    """rad, where the arm stands at first: above the start pose of the nominal cell."""
    tcp: Tuple[float, float, float, float, float, float] = tuple(Cell().tool0_from_bucket.rotation_vector().tolist())
    """m and rad, the TCP of the pendant's installation, in the flange's frame: the nominal cell's bucket."""
    tool: Payload = field(default_factory=nominal_tool)
    """What is really mounted on the flange, and what the pendant's installation says is: the nominal cell's bucket."""
    limits: SafetyLimits = field(default_factory=SafetyLimits)
    """Of the robot's own safety system."""
    remote_control: bool = True
    """False: the pendant is in local mode, programs and commands from outside are refused."""
    powered: bool = True
    """False: the arm is off at first."""
    tracking_lag: float = 0.006
    """s, by which the joints follow their targets."""
    stop_deceleration: float = 10.0
    """rad/s^2, of the fastest joint, in stops of any kind."""
    force_noise: float = 0.2
    """N, standard deviation of each component of the force reading."""
    start_delay: float = 0.03
    """s, from the arrival of a program to its first cycle."""
    seed: int = 0
    """Of the noise."""
