"""What every simulator does, whatever computes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Sequence

from prpd_task.arrays import Array
from prpd_train.engines.failures import FailureCount
from prpd_train.scene.spec import SceneSpec


@dataclass
class SimState:
    """The state of all environments after the last step, soil frame. Arrays are views: copy what must outlive a step.

    NumPy arrays on a CPU, torch tensors on a GPU. N environments, G grains at most.
    """

    bucket_pose: Array
    """(N, 4) m, m, m, rad."""
    bucket_velocity: Array
    """(N, 3) m/s."""
    bucket_force: Array
    """(N, 3) N, mean over the last step, of rock and soil on the bucket."""
    rock_position: Array
    """(N, 3) m, centre of mass."""
    rock_quaternion: Array
    """(N, 4) (x, y, z, w)."""
    rock_velocity: Array
    """(N, 3) m/s."""
    rock_angular_velocity: Array
    """(N, 3) rad/s."""
    rock_bottom: Array
    """(N,) m, height of the rock's lowest point."""
    grain_position: Array
    """(N, G, 3) m; rows beyond `grain_count` mean nothing."""
    grain_count: Array
    """(N,)."""
    surface_height: Array
    """(N,) m, of the undisturbed soil."""
    failed: Array
    """(N,) bool: the state became NaN or ran away in the last step. It was dumped and the environment must be reset."""


class Simulator(Protocol):
    """A batch of excavation scenes of one grain size."""

    num_envs: int
    fixed_scenes: bool
    """Whether an environment keeps the scene it was built with, so that a reset must name that one."""
    state: SimState
    failures: FailureCount

    def reset(self, env_ids: Sequence[int], specs: Sequence[SceneSpec], bucket_poses: Array) -> None:
        """Put the environments into settled scenes, with the bucket at rest at poses (k, 4)."""

    def step(self, targets: Array, duration: float) -> None:
        """Advance `duration` s while each bucket moves in a straight line to its target (N, 4)."""

    def close(self) -> None:
        """Free what the simulator holds."""
