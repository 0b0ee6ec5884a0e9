"""A simulator without soil, for tests of what stands on the engines: a rock that rides in the bucket once scooped."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Sequence

import numpy as np
import pytest
import torch

from prpd_task.bucket import BucketGeometry
from prpd_task.frames import bucket_to_soil, soil_to_bucket
from prpd_task.spec import TaskSpec
from prpd_train.engines.protocol import SimState
from prpd_train.runs.folder import RunFolder
from prpd_train.runs.stage import Stage
from prpd_train.scene.spec import SceneSpec

BOWL = BucketGeometry()


class KinematicSimulator:
    """The rock stays where it is until it lies in the bowl; then it moves with the bucket, unless that tips over."""

    fixed_scenes = False

    def __init__(self, specs: Sequence[SceneSpec]) -> None:
        n = self.num_envs = len(specs)
        zeros = lambda *shape: np.zeros((n, *shape), np.float32)  # noqa: E731
        quaternion = np.tile(np.array([0, 0, 0, 1], np.float32), (n, 1))
        self.state = SimState(
            zeros(4),
            zeros(3),
            zeros(3),
            zeros(3),
            quaternion,
            zeros(3),
            zeros(3),
            zeros(),
            zeros(0, 3),
            zeros(),
            zeros(),
            np.zeros(n, bool),
        )
        self.broken: Sequence[int] = ()
        self.pressed: Dict[int, float] = {}
        self.closed = False

    def reset(self, env_ids: Sequence[int], specs: Sequence[SceneSpec], bucket_poses: np.ndarray) -> None:
        s = self.state
        for row, spec, pose in zip(env_ids, specs, bucket_poses):
            s.bucket_pose[row] = pose
            s.rock_position[row] = spec.rock.position
            s.surface_height[row] = spec.bed.surface_height
            s.rock_bottom[row] = spec.rock.position[2] - spec.rock.size / 2
            s.bucket_velocity[row] = s.rock_velocity[row] = s.bucket_force[row] = 0
            s.failed[row] = False

    def step(self, targets: np.ndarray, duration: float) -> None:
        s = self.state
        inside = BOWL.contains(soil_to_bucket(s.bucket_pose, s.rock_position)) & (s.bucket_pose[:, 3] > -0.5)
        local = soil_to_bucket(s.bucket_pose, s.rock_position)
        s.bucket_velocity[:] = (targets[:, :3] - s.bucket_pose[:, :3]) / duration
        s.bucket_pose[:] = targets
        moved = np.where(inside[:, None], bucket_to_soil(s.bucket_pose, local), s.rock_position)
        s.rock_velocity[:] = (moved - s.rock_position) / duration
        s.rock_bottom += moved[:, 2] - s.rock_position[:, 2]
        s.rock_position[:] = moved
        for row, force in self.pressed.items():
            s.bucket_force[row] = [0.0, -force, 0.0]
        for row in self.broken:
            s.failed[row] = True
            s.rock_position[row] = np.nan

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small only wait for each other on more."""
    torch.set_num_threads(1)


@pytest.fixture
def kinematic():
    """The simulator class, as `make_simulator` wants it."""
    return KinematicSimulator


@pytest.fixture
def into_the_bowl():
    """A policy that digs where there is no soil: behind the rock and below it, forward, up."""

    def act(observation):
        pose, rock = observation[:, :4], observation[:, 4:7]
        inside = (rock[:, 1] - pose[:, 1]).abs() < 0.06
        low = pose[:, 2] < rock[:, 2] - 0.025
        goal = torch.stack([rock[:, 0], rock[:, 1], rock[:, 2] - 0.03, 0 * pose[:, 3]], -1)
        goal[~inside & ~low, 1] -= 0.2
        goal[inside, 2] = 0.25
        return (goal - pose) / torch.tensor(TaskSpec().action_scale)

    return act


@pytest.fixture
def run(kinematic):
    """Stages in this process, without soil, and nothing else that a run asks for."""

    def run_here(module, arguments):
        if module.endswith("stage"):
            folder, index, delta = RunFolder.open(Path(arguments[0])), int(arguments[1]), float(arguments[2])
            Stage(folder, index=index, delta=delta, make_simulator=kinematic, quiet=True).run()

    return run_here
