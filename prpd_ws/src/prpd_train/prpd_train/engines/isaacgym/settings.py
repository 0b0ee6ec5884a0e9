"""Settings of the physics. Every one is set, since Isaac Gym's documents disagree about its defaults."""

from __future__ import annotations

from dataclasses import dataclass

from isaacgym import gymapi

from prpd_train.scene.spec import GRAVITY

PAIRS_PER_GRAIN = 32
"""Room for contact pairs; a resting cube has seven or eight contact points. Too little room loses contacts silently."""
LEAST_PAIRS = 1 << 20


@dataclass(frozen=True)
class Settings:
    """What a user may want to change."""

    substep: float = 1 / 240
    """s, of one `simulate`."""
    position_iterations: int = 8
    velocity_iterations: int = 1
    contact_distance: float = 0.05
    """Distance, in grain sizes, at which contacts are found. (The default of 20 mm is larger than a fine grain.)"""
    depenetration_speed: float = 1.0
    """m/s, at which overlaps are resolved; a higher one makes fresh beds explode."""
    buffer_multiplier: float = 5.0
    """Of PhysX's buffers on the GPU: raise it on messages about overflow, lower it when memory cannot be had."""
    threads: int = 4
    """On a CPU."""
    settle_time: float = 1.0
    """s, for which a fresh bed falls into place, and again once it has taken in its rock."""

    def __post_init__(self) -> None:
        for name in ("substep", "contact_distance", "depenetration_speed", "buffer_multiplier", "settle_time"):
            if not getattr(self, name) > 0:
                raise ValueError(f"Isaac Gym setting {name} must be positive, not {getattr(self, name)!r}")
        for name, least in (("position_iterations", 1), ("velocity_iterations", 0), ("threads", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"Isaac Gym setting {name} must be at least {least}, not {getattr(self, name)!r}")


def sim_params(settings: Settings, *, delta: float, grains: int, gpu: bool) -> gymapi.SimParams:
    """For `create_sim`, with grains of `delta` m, `grains` of them in all environments together."""
    params = gymapi.SimParams()
    params.dt = settings.substep
    params.substeps = 1
    params.up_axis = gymapi.UP_AXIS_Z
    params.gravity = gymapi.Vec3(0.0, 0.0, -GRAVITY)
    params.use_gpu_pipeline = gpu
    physx = params.physx
    physx.use_gpu = gpu
    physx.solver_type = 1
    physx.num_position_iterations = settings.position_iterations
    physx.num_velocity_iterations = settings.velocity_iterations
    physx.contact_offset = settings.contact_distance * delta
    physx.rest_offset = 0.0
    physx.bounce_threshold_velocity = 0.2
    physx.max_depenetration_velocity = settings.depenetration_speed
    physx.friction_offset_threshold = 0.5 * settings.contact_distance * delta
    physx.friction_correlation_distance = 0.25 * settings.contact_distance * delta
    physx.num_threads = settings.threads
    physx.num_subscenes = 0
    physx.max_gpu_contact_pairs = max(LEAST_PAIRS, PAIRS_PER_GRAIN * grains)
    physx.default_buffer_size_multiplier = settings.buffer_multiplier
    physx.contact_collection = gymapi.CC_LAST_SUBSTEP
    return params
