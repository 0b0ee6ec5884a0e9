"""The arm's body: where the controller wants the joints, and where they are."""

from __future__ import annotations

from typing import Optional

import numpy as np
import pinocchio as pin

from prpd_twin.ur_controller.kinematics import ArmModel
from prpd_twin.ur_controller.motion import brake


class Arm:
    """Target and actual state of six joints.

    Each cycle somebody may `command` joint angles; a cycle in which nobody does brakes the arm with `stop_deceleration`
    and then holds it. The actual joints follow the target ones with a first-order lag.
    """

    def __init__(
        self, model: ArmModel, joints: np.ndarray, *, period: float, tracking_lag: float, stop_deceleration: float
    ) -> None:
        self.model = model
        self.period = period
        self.stop_deceleration = stop_deceleration
        self.speed_fraction = 1.0
        """Of the pendant's speed slider; moves take so much longer."""
        self.target = np.array(joints, float)
        self.target_speed = np.zeros(6)
        self.target_acceleration = np.zeros(6)
        self.actual = self.target.copy()
        self.actual_speed = np.zeros(6)
        self.actual_acceleration = np.zeros(6)
        self._follow = 1 - np.exp(-period / tracking_lag) if tracking_lag > 0 else 1.0
        self._commanded: Optional[np.ndarray] = None

    def command(self, joints: np.ndarray) -> None:
        """Where the joints shall be at the end of this cycle."""
        self._commanded = joints

    @property
    def steady(self) -> bool:
        """Whether neither target nor joints move."""
        return not self.target_speed.any() and bool(np.abs(self.actual_speed).max() < 1e-4)

    def cycle(self) -> None:
        """Let one period pass."""
        if self._commanded is None:
            speed = brake(self.target_speed, self.stop_deceleration * self.period)
            joints = self.target + speed * self.period if speed.any() else self.target
        else:
            joints = self._commanded
            speed = (joints - self.target) / self.period
        self._commanded = None
        self.target_acceleration = (speed - self.target_speed) / self.period
        self.target, self.target_speed = joints, speed
        actual = self.actual + self._follow * (joints - self.actual)
        actual_speed = (actual - self.actual) / self.period
        self.actual_acceleration = (actual_speed - self.actual_speed) / self.period
        self.actual, self.actual_speed = actual, actual_speed

    def target_tcp(self) -> pin.SE3:
        """`base_from_tcp` of the target joints."""
        return self.model.forward(self.target)

    def actual_tcp(self) -> pin.SE3:
        """`base_from_tcp` of the actual joints."""
        return self.model.forward(self.actual)

    def target_twist(self) -> np.ndarray:
        """(6,) m/s and rad/s along the axes of `base`, of the TCP where the targets go."""
        return self.model.jacobian(self.target) @ self.target_speed
