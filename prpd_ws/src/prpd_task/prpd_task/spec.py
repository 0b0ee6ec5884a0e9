"""The numbers of the task, in one frozen dataclass: what a control step, a workspace and a success are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Tuple

from prpd_task.bucket import BucketGeometry

PRESETS = ("paper", "extended")
Four = Tuple[float, float, float, float]


@dataclass(frozen=True)
class SuccessSpec:
    """When the rock counts as excavated: it rests in the bucket, clear of the soil, and stays."""

    clearance: float = 0.02
    """m, least height of the rock's lowest point above the soil's surface."""
    max_speed: float = 0.06
    """m/s, of the rock relative to the bucket."""
    hold_time: float = 0.5
    """s, how long all of it must hold without a break."""


@dataclass(frozen=True)
class TaskSpec:
    """Everything that the environment, the policy runtime and the twin must agree on."""

    preset: str = "paper"
    """Which observation terms the policy gets: `paper` (8 inputs) or `extended` (13)."""
    bucket: BucketGeometry = field(default_factory=BucketGeometry)
    control_period: float = 0.1
    """s, of one action."""
    max_steps: int = 128
    """Actions in an episode."""
    action_scale: Four = (0.02, 0.02, 0.02, 0.10)
    """m, m, m, rad: the increment of the target pose for an action of 1."""
    workspace_low: Four = (-0.16, -0.33, -0.10, -0.60)
    """m, m, m, rad: lower bounds of the target pose (x, y, z, pitch) in the soil frame: what a UR5e reaches well."""
    workspace_high: Four = (0.16, 0.16, 0.28, 0.80)
    """Upper bounds, likewise."""
    start_pose: Four = (0.0, -0.22, 0.14, 0.0)
    """Nominal bucket pose from which the policy starts."""
    start_height: float = 0.09
    """m, lowest start above the nominal surface: the bucket begins in the air."""
    max_observation_age: float = 0.25
    """s, older observations must not be acted on."""
    success: SuccessSpec = field(default_factory=SuccessSpec)

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise ValueError(f"task preset {self.preset!r} is not known; choose one of {', '.join(PRESETS)}")
        for name in ("control_period", "max_observation_age"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r}")
        if any(low >= high for low, high in zip(self.workspace_low, self.workspace_high)):
            raise ValueError(f"empty workspace: {self.workspace_low} is not below {self.workspace_high}")

    @property
    def hold_steps(self) -> int:
        """Consecutive control steps for which success must hold."""
        return max(1, round(self.success.hold_time / self.control_period))
