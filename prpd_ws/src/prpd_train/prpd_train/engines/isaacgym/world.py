"""Isaac Gym's tensors, with names for their rows, and time."""

from __future__ import annotations

from typing import Optional, Sequence

import numpy as np
import torch
from isaacgym import gymtorch
from torch import Tensor

from prpd_train.engines.isaacgym.build import Build
from prpd_train.engines.isaacgym.pushes import Pushes
from prpd_train.scene.spec import SceneSpec

POSITION, QUATERNION, VELOCITY, SPIN = slice(0, 3), slice(3, 7), slice(7, 10), slice(10, 13)
"""Columns of an actor's state."""


class World:
    """N environments of a built simulation. Bucket poses in here are of the soil frame as it was built."""

    def __init__(self, specs: Sequence[SceneSpec], build: Build, *, gpu: bool, substep: float) -> None:
        self.gym, self.sim, rows = build.gym, build.sim, build.layout
        self._fetch = not gpu
        self.substep = substep
        gym, sim = self.gym, self.sim
        self.root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim))
        """(actors, 13), in the simulation's frame."""
        self.joints = gymtorch.wrap_tensor(gym.acquire_dof_state_tensor(sim))
        """(joints, 2): m or rad, m/s or rad/s."""
        self._contact = gymtorch.wrap_tensor(gym.acquire_net_contact_force_tensor(sim))
        gym.refresh_actor_root_state_tensor(sim)
        gym.refresh_dof_state_tensor(sim)
        self.device = self.root.device
        self.origin = self.tensor(rows.origin.astype(np.float32))
        """(N, 3) m, of the soil frames as built."""
        self.rocks = self.tensor(rows.rock_actor)
        """(N,) actors."""
        self.buckets = self.tensor(rows.bucket_actors)
        """(N, B) actors."""
        self._bucket_bodies = self.tensor(rows.bucket_bodies)
        self._bucket_joints = self.tensor(rows.bucket_joints)
        self.grain_count = rows.grain_count
        most = int(rows.grain_count.max())
        # Where an environment has fewer grains than another, its first one fills the rest.
        places = np.where(np.arange(most) < rows.grain_count[:, None], np.arange(most), 0)
        self.grains = self.tensor(rows.first_grain[:, None] + places)
        """(N, G) actors."""
        force = np.zeros((gym.get_sim_rigid_body_count(sim), 3), np.float32)
        force[rows.rock_body] = [spec.sample.rock_force for spec in specs]
        self._pushes = Pushes(gym, sim, self.root, self.joints, self.tensor(force) if force.any() else None)

    def tensor(self, values: np.ndarray) -> Tensor:
        """On the simulation's device."""
        return torch.as_tensor(values, device=self.device)

    def bucket_state(self) -> Tensor:
        """(N, 4, 2): bucket pose, and its rate."""
        return self.joints[self._bucket_joints[:, 0]]

    def put_actors(self, actors: Tensor, states: Tensor) -> None:
        """Teleport actors (k,) to states (k, 13); the next substep begins with them."""
        self.root[actors] = states
        self._pushes.move_actors(actors)

    def put_buckets(self, envs: Tensor, poses: Tensor) -> None:
        """Teleport the buckets of environments (k,) to poses (k, 4), at rest."""
        joints = self._bucket_joints[envs]
        self.joints[joints, 0] = poses[:, None].expand(joints.shape).contiguous()
        self.joints[joints, 1] = 0.0
        self._pushes.move_joints(self.buckets[envs].flatten())

    def advance(self, goal: Tensor, substeps: int, *, hold: Optional[Tensor] = None) -> Tensor:
        """Simulate while the buckets go straight to poses (N, 4); the mean force on them, (N, 3) N.

        Actors in `hold` are put back to where they are now before each substep.
        """
        gym, sim = self.gym, self.sim
        start = self.bucket_state()[..., 0].clone()
        held = None if hold is None else self.root[hold].clone()
        total = torch.zeros(len(goal), 3, device=self.device)
        for i in range(substeps):
            if hold is not None and held is not None:
                self.put_actors(hold, held)
            aim = start + (goal - start) * ((i + 1) / substeps)
            self._pushes.aim(self._bucket_joints, aim[:, None].expand(self._bucket_joints.shape).contiguous())
            self._pushes.push()
            gym.simulate(sim)
            if self._fetch:
                gym.fetch_results(sim, True)
            gym.refresh_net_contact_force_tensor(sim)
            if hold is not None or i == substeps - 1:
                gym.refresh_actor_root_state_tensor(sim)
                gym.refresh_dof_state_tensor(sim)
            total += self._contact[self._bucket_bodies].sum(1)
        return total / substeps
