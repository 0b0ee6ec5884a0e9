"""The parameters of an excavation; each field is a ROS parameter of the excavate node."""

from __future__ import annotations

from dataclasses import dataclass, fields

Four = tuple[float, float, float, float]


@dataclass(frozen=True)
class ExcavationSettings:
    """Times in s, lengths in m, angles in rad, soil frame."""

    timeout: float = 120.0
    """Of a whole excavation, where the goal names none."""
    home_timeout: float = 30.0
    """For one journey home."""
    survey_timeout: float = 15.0
    """For a confident rock state."""
    survey_count: int = 5
    """Confident rock states in a row that begin the dig."""
    survey_confidence: float = 0.5
    """Least confidence of each."""
    travel_speed: float = 0.12
    """m/s, of motions in free air: approach, lift, dump."""
    travel_turn_rate: float = 0.6
    """rad/s, likewise."""
    arrival_tolerance: float = 0.01
    """m; rad times ten of it."""
    arrival_timeout: float = 5.0
    """From the last command of a journey to the arrival."""
    patience: float = 1.0
    """For which nothing is done without a fresh observation, at standstill, before the excavation is given up."""
    max_range_violation: float = 0.5
    """Largest distance of an input outside the policy's training range, in widths of that range."""
    load_force: float = 4.0
    """N, downwards on a bucket that is clear of the soil, from which it is taken to carry the rock."""
    lift_height: float = 0.05
    """By which the bucket rises to verify that the rock stays in it."""
    verify_time: float = 1.0
    """For which the rock must stay in the lifted bucket."""
    dump_pose: Four = (0.25, -0.15, 0.15, -0.6)
    """Where the bucket tips the rock out: beside the box."""
    dump_time: float = 1.0
    """For which it stays tipped."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "dump_pose" and not value > 0:
                raise ValueError(f"parameter {field.name} must be positive, not {value!r}")
        if len(self.dump_pose) != 4:
            raise ValueError(f"parameter dump_pose needs x, y, z, pitch, not {self.dump_pose!r}")
