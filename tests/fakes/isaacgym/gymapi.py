"""The names of `isaacgym.gymapi` that the fake has."""

from isaacgym import gymdeps  # noqa: F401
from isaacgym.assets import Asset
from isaacgym.gym import Gym
from isaacgym.sim import Env, Sim
from isaacgym.structs import (
    AssetOptions,
    PhysXParams,
    PlaneParams,
    Quat,
    RigidBodyProperties,
    RigidShapeProperties,
    SimParams,
    Tensor,
    Transform,
    Vec3,
)

SIM_FLEX, SIM_PHYSX = "SIM_FLEX", "SIM_PHYSX"
UP_AXIS_Y, UP_AXIS_Z = "UP_AXIS_Y", "UP_AXIS_Z"
CC_NEVER, CC_LAST_SUBSTEP, CC_ALL_SUBSTEPS = "CC_NEVER", "CC_LAST_SUBSTEP", "CC_ALL_SUBSTEPS"
DOMAIN_ACTOR, DOMAIN_ENV, DOMAIN_SIM = "DOMAIN_ACTOR", "DOMAIN_ENV", "DOMAIN_SIM"
DOF_MODE_NONE, DOF_MODE_POS, DOF_MODE_VEL, DOF_MODE_EFFORT = 0, 1, 2, 3
ENV_SPACE, LOCAL_SPACE, GLOBAL_SPACE = "ENV_SPACE", "LOCAL_SPACE", "GLOBAL_SPACE"

__all__ = [
    "Asset",
    "AssetOptions",
    "Env",
    "Gym",
    "PhysXParams",
    "PlaneParams",
    "Quat",
    "RigidBodyProperties",
    "RigidShapeProperties",
    "Sim",
    "SimParams",
    "Tensor",
    "Transform",
    "Vec3",
]

_gym = Gym()


def acquire_gym():
    return _gym
