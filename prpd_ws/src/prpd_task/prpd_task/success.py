"""What counts as an excavated rock, judged from the state."""

from __future__ import annotations

from prpd_task.arrays import Array, norm
from prpd_task.frames import soil_to_bucket
from prpd_task.spec import TaskSpec


def in_bucket(spec: TaskSpec, bucket_pose: Array, rock_position: Array) -> Array:
    """Whether the rock's centre lies in the bowl."""
    return spec.bucket.contains(soil_to_bucket(bucket_pose, rock_position))


def excavated(
    spec: TaskSpec,
    *,
    bucket_pose: Array,
    rock_position: Array,
    rock_bottom: Array,
    rock_velocity: Array,
    bucket_velocity: Array,
    surface_height: Array,
) -> Array:
    """Whether the rock, at this instant, rests in the bucket and is clear of the soil.

    `rock_bottom` is the height of the rock's lowest point, `surface_height` that of the undisturbed soil, both (...)
    m in the soil frame; velocities are (..., 3) m/s of rock centre and bucket origin. Success is this, held for
    `spec.hold_steps` control steps (see `held`).
    """
    clear = rock_bottom - surface_height > spec.success.clearance
    at_rest = norm(rock_velocity - bucket_velocity) < spec.success.max_speed
    return in_bucket(spec, bucket_pose, rock_position) & clear & at_rest


def held(count: Array, now: Array) -> Array:
    """Number of consecutive steps for which `now` has been true, given the count before."""
    return (count + 1) * now


def out_of_reach(spec: TaskSpec, rock_position: Array) -> Array:
    """Whether the rock has left the space in which the bucket can work: the episode is lost."""
    (x_low, y_low, z_low, _), (x_high, y_high, z_high, _) = spec.workspace_low, spec.workspace_high
    x, y, z = rock_position[..., 0], rock_position[..., 1], rock_position[..., 2]
    beside = (x < x_low) | (x > x_high) | (y < y_low) | (y > y_high)
    return beside | (z < z_low - spec.bucket.height) | (z > z_high + spec.bucket.height)
