"""The soil box without ROS: a simulated scene that follows the bucket and knows what is true."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from prpd_task.frames import Pose, bucket_to_soil
from prpd_task.spec import TaskSpec
from prpd_task.success import excavated, in_bucket
from prpd_train.engines.protocol import Simulator
from prpd_train.scene.spec import SceneSpec
from prpd_twin.soil_world.environment import Environment

FORCE_TIME_CONSTANT = 0.04
"""s, of the low-pass on the contact force: a real arm and its sensor are softer than a rigid body's impulses."""
CLEAR_HEIGHT = 0.01
"""m, by which the whole bucket must be above the soil before the bed is set up anew under it."""


class BucketInSoilError(RuntimeError):
    """The soil cannot be set up anew where the bucket is."""


@dataclass(frozen=True)
class Truth:
    """What is really there, in the soil frame."""

    rock: Pose
    rock_velocity: np.ndarray
    """(3,) m/s."""
    rock_angular_velocity: np.ndarray
    """(3,) rad/s."""
    surface_height: float
    """m."""
    in_bucket: bool
    success: bool
    """The task's success test holds, and has held for its hold time."""
    force: np.ndarray
    """(3,) N, on the bucket."""


class SoilWorld:
    """One bed, one rock, one bucket."""

    def __init__(self, make_simulator: Callable[[SceneSpec], Simulator], *, task: TaskSpec | None = None) -> None:
        self._make = make_simulator
        self._task = task or TaskSpec()
        self._simulator: Simulator | None = None
        self._scene: SceneSpec | None = None
        self._held = 0.0
        self._force = np.zeros(3)
        self.environment: Environment | None = None

    @property
    def scene(self) -> SceneSpec:
        """The scene that was set up last."""
        if self._scene is None:
            raise RuntimeError("the soil was never set up")
        return self._scene

    def reset(self, environment: Environment, seed: int, bucket_pose: np.ndarray) -> None:
        """Set up an environment under the bucket at (x, y, z, pitch)."""
        scene = environment.scene(seed)
        corners = bucket_to_soil(bucket_pose, scene.bucket.corners())
        if corners[:, 2].min() < scene.bed.surface_height + CLEAR_HEIGHT:
            raise BucketInSoilError(
                f"the bucket is at {np.round(bucket_pose, 3).tolist()}, in the soil or too close to it; home it first"
            )
        # A simulator is built for one grain size; another one needs another simulator.
        before = self._scene
        if self._simulator is None or before is None or (before.delta, before.preset) != (scene.delta, scene.preset):
            if self._simulator is not None:
                self._simulator.close()
            self._simulator = self._make(scene)
        self._simulator.reset([0], [scene], np.asarray(bucket_pose, float)[None])
        self._scene, self.environment = scene, environment
        self._held, self._force = 0.0, np.zeros(3)

    def advance(self, bucket_pose: np.ndarray, duration: float) -> Truth:
        """Move the bucket to (x, y, z, pitch) within `duration` s; what is true then."""
        if self._simulator is None:
            raise RuntimeError("the soil was never set up")
        self._simulator.step(np.asarray(bucket_pose, float)[None], duration)
        state = self._simulator.state
        if bool(state.failed[0]):
            self._held = 0.0
            raise FloatingPointError("the simulated soil became unstable and was set up anew: this trial is lost")
        share = 1 - np.exp(-duration / FORCE_TIME_CONSTANT)
        self._force = self._force + share * (np.asarray(state.bucket_force[0], float) - self._force)
        surface = float(state.surface_height[0])
        now = excavated(
            self._task,
            bucket_pose=state.bucket_pose,
            rock_position=state.rock_position,
            rock_bottom=state.rock_bottom,
            rock_velocity=state.rock_velocity,
            bucket_velocity=state.bucket_velocity,
            surface_height=state.surface_height,
        )
        self._held = self._held + duration if bool(now[0]) else 0.0
        return Truth(
            rock=Pose.from_arrays(state.rock_position[0], state.rock_quaternion[0]),
            rock_velocity=np.array(state.rock_velocity[0]),
            rock_angular_velocity=np.array(state.rock_angular_velocity[0]),
            surface_height=surface,
            in_bucket=bool(in_bucket(self._task, state.bucket_pose, state.rock_position)[0]),
            success=self._held >= self._task.success.hold_time - 1e-9,
            force=self._force.copy(),
        )

    @property
    def grains(self) -> np.ndarray:
        """(G, 3) m, centres."""
        if self._simulator is None:
            raise RuntimeError("the soil was never set up")
        state = self._simulator.state
        return np.asarray(state.grain_position[0][: int(state.grain_count[0])])

    def close(self) -> None:
        """Free the simulator."""
        if self._simulator is not None:
            self._simulator.close()
            self._simulator = None
