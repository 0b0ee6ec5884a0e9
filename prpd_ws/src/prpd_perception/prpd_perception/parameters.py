"""The node's parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from prpd_perception.tracker import TrackerConfig
from prpd_task.bucket import SHAPES


@dataclass(frozen=True)
class Parameters:
    """Declared on the node under the same names; the docstrings are their descriptions."""

    autostart: bool = True
    """Configure and activate at once, where no lifecycle manager does."""
    cell_file: str = ""
    """YAML file of the cell with soil_from_camera; empty: the nominal cell."""
    extrinsics: str = "cell"
    """Where the camera's pose comes from: `cell` (cell_file) or `tf` (needs tf2_ros)."""
    bucket_shape: str = "fork"
    """`fork` or `solid`."""
    require_bucket: bool = True
    """Refuse images for whose time the bucket's pose is not known; false: take the bucket to be away then."""
    image_reliability: str = "reliable"
    """QoS of the image subscription: `reliable` or `best_effort`."""
    max_image_age: float = 0.25
    """s without an image until STATUS_STALE_IMAGE is reported."""
    debug_rate: float = 2.0
    """Hz of height map, cloud and markers; 0: none."""
    goal: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """m, soil frame: of several rocks the nearest to this is followed."""
    wanted: int = 0
    """Identity of the rock to follow; 0: the nearest to the goal."""
    prior_position: tuple[float, ...] = ()
    """m, soil frame: three numbers where a rock is believed that cannot be seen; empty: none."""
    prior_deviation: float = 0.03
    """m, standard deviation of that belief."""

    rock_expected: float = 0.5
    """Probability that there is a rock in the box, before an image is seen. 0.95, where one was put there, lets a rock
    be believed that hardly differs from the soil, and soil that looks like a rock."""

    def __post_init__(self) -> None:
        choices = (
            ("extrinsics", ("cell", "tf")),
            ("bucket_shape", SHAPES),
            ("image_reliability", ("reliable", "best_effort")),
        )
        for name, allowed in choices:
            if getattr(self, name) not in allowed:
                raise ValueError(f"parameter {name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        if not (self.max_image_age > 0 and self.prior_deviation > 0):
            raise ValueError("parameters max_image_age and prior_deviation must be positive")
        if not 0 < self.rock_expected < 1:
            raise ValueError(f"parameter rock_expected is {self.rock_expected!r}; choose a probability between 0 and 1")
        if len(self.goal) != 3 or len(self.prior_position) not in (0, 3):
            raise ValueError("parameters goal and prior_position take three numbers (m, soil frame)")

    def tracker(self) -> TrackerConfig:
        """Set-up of the tracker."""
        return TrackerConfig(goal=self.goal, wanted=self.wanted)

    def prior(self) -> tuple[float, float, float] | None:
        """Where a rock is believed, if anywhere."""
        return (self.prior_position[0], self.prior_position[1], self.prior_position[2]) if self.prior_position else None


def declare(node: Node) -> Parameters:
    """Declare what is not declared yet, and read everything."""
    values: dict[str, Any] = {}
    for field in fields(Parameters):
        default = field.default
        if not node.has_parameter(field.name):
            if isinstance(default, tuple):
                kind = ParameterDescriptor(dynamic_typing=bool(default))
                node.declare_parameter(field.name, list(default) or Parameter.Type.DOUBLE_ARRAY, kind)
            else:
                node.declare_parameter(field.name, default)
        value = node.get_parameter_or(field.name, Parameter(field.name, value=None)).value
        values[field.name] = tuple(float(v) for v in value or ()) if isinstance(default, tuple) else value
    return Parameters(**values)
