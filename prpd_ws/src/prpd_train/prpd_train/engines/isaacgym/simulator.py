"""The simulator over Isaac Gym's tensors: settle once, reset by writing settled states back, step."""

from __future__ import annotations

import logging
from typing import List, Optional, Sequence, Tuple

import numpy as np
import torch
from isaacgym import gymtorch
from torch import Tensor

from prpd_task.arrays import Array
from prpd_task.frames import quaternion_rotate
from prpd_train.engines.checks import check_duration, check_reset, check_specs
from prpd_train.engines.failures import FailureLog
from prpd_train.engines.isaacgym.build import PARKED, Build
from prpd_train.engines.isaacgym.pushes import Pushes
from prpd_train.engines.isaacgym.settings import Settings
from prpd_train.engines.protocol import SimState
from prpd_train.engines.settle import surface_of
from prpd_train.scene.spec import SceneSpec

log = logging.getLogger(__name__)
_LARGEST = 20.0
"""m: nothing sound is farther from its environment than this, not even a parked bucket."""
POSITION, QUATERNION, VELOCITY, SPIN = slice(0, 3), slice(3, 7), slice(7, 10), slice(10, 13)
"""Columns of an actor's state."""


class IsaacGymSimulator:
    """Cubic grains, a rock of cubes, a bucket on stiff drives. An environment keeps the scene it was built with."""

    fixed_scenes = True
    """Masses, sizes and the number of grains cannot be changed once Isaac Gym's GPU pipeline runs."""

    def __init__(
        self,
        specs: Sequence[SceneSpec],
        *,
        device: str = "cuda:0",
        settings: Optional[Settings] = None,
        failure_directory: Optional[str] = None,
    ) -> None:
        """`device` is `cuda:N` (GPU pipeline) or `cpu`. Only one can be made in a process."""
        check_specs(specs)
        gpu = _on_gpu(device)
        self.num_envs = len(specs)
        self.failures = FailureLog(failure_directory)
        self._specs = list(specs)
        self._settings = settings or Settings()
        self._gpu = gpu
        self._closed = False
        index = torch.device(device).index or 0
        build = Build(specs, self._settings, gpu=gpu, device_index=index)
        self._gym, self._sim, self._rows = build.gym, build.sim, build.layout
        self._acquire()
        self._settle()

    def _acquire(self) -> None:
        """Views of the simulation's tensors, and rows of them as tensors on its device."""
        gym, sim, rows = self._gym, self._sim, self._rows
        self._root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim))
        self._joints = gymtorch.wrap_tensor(gym.acquire_dof_state_tensor(sim))
        self._contact = gymtorch.wrap_tensor(gym.acquire_net_contact_force_tensor(sim))
        gym.refresh_actor_root_state_tensor(sim)
        gym.refresh_dof_state_tensor(sim)
        self._device = self._root.device
        put = lambda values: torch.as_tensor(values, device=self._device)  # noqa: E731
        self._origin = put(rows.origin.astype(np.float32))
        self._raised = torch.zeros(self.num_envs, device=self._device)
        self._rock_rows, self._bucket_rows, self._bucket_bodies = (
            put(r) for r in (rows.rock_actor, rows.bucket_actor, rows.bucket_body)
        )
        self._bucket_joints = put(rows.bucket_joints)
        most = int(rows.grain_count.max())
        # Where an environment has fewer grains than another, its first one fills the rest.
        places = np.where(np.arange(most) < rows.grain_count[:, None], np.arange(most), 0)
        self._grain_rows = put(rows.first_grain[:, None] + places)
        corners = [spec.rock.corners() for spec in self._specs]
        padded = [np.concatenate([c, np.repeat(c[:1], max(map(len, corners)) - len(c), 0)]) for c in corners]
        self._corners = put(np.array(padded, np.float32))
        force = np.zeros((gym.get_sim_rigid_body_count(sim), 3), np.float32)
        force[rows.rock_body] = [spec.sample.rock_force for spec in self._specs]
        self._pushes = Pushes(gym, sim, self._root, self._joints, put(force) if force.any() else None)
        self.state = self._empty_state(most)

    def _empty_state(self, most_grains: int) -> SimState:
        n = self.num_envs
        zeros = lambda *shape: torch.zeros(n, *shape, device=self._device)  # noqa: E731
        self._tensors = {
            "bucket_pose": zeros(4),
            "bucket_velocity": zeros(3),
            "bucket_force": zeros(3),
            "rock_position": zeros(3),
            "rock_quaternion": zeros(4),
            "rock_velocity": zeros(3),
            "rock_angular_velocity": zeros(3),
            "rock_bottom": zeros(),
            "grain_position": zeros(most_grains, 3),
            "grain_count": torch.as_tensor(self._rows.grain_count, device=self._device),
            "surface_height": torch.tensor([s.bed.surface_height for s in self._specs], device=self._device),
            "failed": zeros().bool(),
        }
        # On a CPU the NumPy arrays share the tensors' memory.
        views = self._tensors.items()
        return SimState(**{name: tensor.numpy() if self._device.type == "cpu" else tensor for name, tensor in views})

    def reset(self, env_ids: Sequence[int], specs: Sequence[SceneSpec], bucket_poses: Array) -> None:
        """Put the environments into their settled scenes, with the bucket at rest at poses (k, 4).

        The specs must be those that the environments were built with.
        """
        envs = [int(e) for e in env_ids]
        check_reset(self._specs[0], envs, specs, self.num_envs)
        for env, spec in zip(envs, specs):
            if spec is not self._specs[env] and spec != self._specs[env]:
                raise ValueError(
                    f"environment {env} was built with scene {self._specs[env].digest()} and cannot become scene "
                    f"{spec.digest()}; reset it with the scene it was built with"
                )
        self._put_back(envs, self._checked("bucket poses", bucket_poses, len(envs)))
        self._tensors["failed"][envs] = False
        self._tensors["bucket_force"][envs] = 0.0
        self._read()

    def step(self, targets: Array, duration: float) -> None:
        """Advance `duration` s, a multiple of the substep, while each bucket moves in a straight line to its target."""
        check_duration(duration)
        goal = self._checked("bucket targets", targets, self.num_envs)
        substeps = round(duration / self._settings.substep)
        if substeps < 1 or abs(substeps * self._settings.substep - duration) > 1e-3 * duration:
            raise ValueError(
                f"a step of {duration} s is no multiple of Isaac Gym's substep of {self._settings.substep} s"
            )
        before = self._root.clone(), self._joints.clone()
        self._advance(self._in_environment(goal, self._raised), substeps)
        self._read()
        broken = self._broken()
        self._tensors["failed"].copy_(broken)
        envs = broken.nonzero().flatten().tolist()
        if envs:
            self._recover(envs, before, goal)

    def close(self) -> None:
        """Free the simulation. The memory does not all come back before the process ends."""
        if not self._closed:
            self._gym.destroy_sim(self._sim)
            self._closed = True

    def _advance(self, goal: Tensor, substeps: int, hold: Optional[Tensor] = None) -> None:
        """Simulate while the buckets go to `goal`; actors in `hold` are put back where they are before each substep."""
        gym, sim = self._gym, self._sim
        start = self._joints[self._bucket_joints, 0].clone()
        hold = self._rock_rows[:0] if hold is None else hold
        held = self._root[hold].clone()
        total = torch.zeros_like(self._tensors["bucket_force"])
        for i in range(substeps):
            if len(hold) and i > 0:
                self._root[hold] = held
                self._pushes.move_actors(hold)
            aim = start + (goal - start) * ((i + 1) / substeps)
            self._pushes.aim(self._bucket_joints, aim)
            self._pushes.push()
            gym.simulate(sim)
            if not self._gpu:
                gym.fetch_results(sim, True)
            gym.refresh_net_contact_force_tensor(sim)
            if len(hold) or i == substeps - 1:
                gym.refresh_actor_root_state_tensor(sim)
                gym.refresh_dof_state_tensor(sim)
            total += self._contact[self._bucket_bodies]
        self._tensors["bucket_force"].copy_(total / substeps)

    def _settle(self) -> None:
        """Let all beds fall into place around their rocks, once, and remember them."""
        n = self.num_envs
        parked = torch.zeros(n, 4, device=self._device)
        parked[:, 2] = PARKED
        self._joints[self._bucket_joints, 0] = parked
        self._joints[self._bucket_joints, 1] = 0.0
        self._pushes.move_joints(self._bucket_rows)
        substeps = max(1, round(self._settings.settle_time / self._settings.substep))
        self._advance(parked, substeps, hold=self._rock_rows)
        self._advance(parked, max(1, substeps // 2))
        self._read()
        if not bool(torch.isfinite(self._root).all()):
            raise RuntimeError(
                "the beds did not settle: states became infinite; see docs/isaac_gym.md on contact buffers"
            )
        rock, grains = (self._tensors[name].cpu().numpy() for name in ("rock_position", "grain_position"))
        for env, spec in enumerate(self._specs):
            surface = surface_of(spec, grains[env, : spec.grains.count], rock[env], spec.bed.floor)
            # The pit cannot be moved any more, so the soil frame is: it goes where its surface turned out to be.
            self._raised[env] = surface - spec.bed.surface_height
        log.info("settled %d beds; soil frames raised by %s m on average", n, float(self._raised.mean()))
        self._settled = self._root.clone()
        self._settled[:, VELOCITY.start :] = 0.0

    def _put_back(self, envs: List[int], poses: Tensor) -> None:
        """Write settled states and resting buckets into the tensors; the next substep begins with them."""
        rows = torch.cat([self._rock_rows[envs], self._grain_rows[envs].flatten()])
        self._root[rows] = self._settled[rows]
        joints = self._bucket_joints[envs]
        self._joints[joints, 0] = self._in_environment(poses, self._raised[envs])
        self._joints[joints, 1] = 0.0
        self._pushes.move_actors(rows)
        self._pushes.move_joints(self._bucket_rows[envs])

    def _recover(self, envs: List[int], before: Tuple[Tensor, Tensor], goal: Tensor) -> None:
        """Write down what broke, and begin it anew where its bucket was sent; `failed` stays set until the reset."""
        for root, joints in (before, (self._root, self._joints)):
            self.failures.record(
                grains=root[self._grain_rows].cpu().numpy(),
                rock=root[self._rock_rows].cpu().numpy(),
                bucket=joints[self._bucket_joints].cpu().numpy(),
                target=goal.cpu().numpy(),
            )
        for env in envs:
            self.failures.dump(env, self._specs[env])
        self._put_back(envs, goal[envs])
        self._tensors["bucket_force"][envs] = 0.0
        self._read()

    def _read(self) -> None:
        """Bring the state up to date with the simulation's tensors, in place and in the soil frame."""
        out = self._tensors
        origin = self._origin.clone()
        origin[:, 2] += self._raised
        rock, joints = self._root[self._rock_rows], self._joints[self._bucket_joints]
        out["bucket_pose"].copy_(self._in_environment(joints[..., 0], -self._raised))
        out["bucket_velocity"].copy_(joints[:, :3, 1])
        out["rock_position"].copy_(rock[:, POSITION] - origin)
        out["rock_quaternion"].copy_(rock[:, QUATERNION])
        out["rock_velocity"].copy_(rock[:, VELOCITY])
        out["rock_angular_velocity"].copy_(rock[:, SPIN])
        corners = quaternion_rotate(rock[:, None, QUATERNION], self._corners)
        out["rock_bottom"].copy_(out["rock_position"][:, 2] + corners[..., 2].min(-1)[0])
        out["grain_position"].copy_(self._root[self._grain_rows][..., POSITION] - origin[:, None])

    def _broken(self) -> Tensor:
        """(N,) whether a state is infinite, or so far away that it soon will be."""
        out = self._tensors
        parts = [out["grain_position"].flatten(1), out["rock_position"], out["rock_quaternion"], out["bucket_pose"]]
        # A comparison with NaN is false.
        return ~(torch.cat(parts, 1).abs() < _LARGEST).all(1)

    def _in_environment(self, poses: Tensor, raised: Tensor) -> Tensor:
        """Bucket poses of the soil frame in their environments' own, or back with a negative `raised`."""
        poses = poses.clone()
        poses[:, 2] += raised
        return poses

    def _checked(self, what: str, poses: Array, count: int) -> Tensor:
        """Poses as a tensor (count, 4) of this simulation's device, all finite."""
        tensor = torch.as_tensor(poses, dtype=torch.float32, device=self._device)
        if tensor.shape != (count, 4):
            raise ValueError(f"{what} must have the shape ({count}, 4), not {tuple(tensor.shape)}")
        if not bool(torch.isfinite(tensor).all()):
            rows = (~torch.isfinite(tensor).all(1)).nonzero().flatten().tolist()
            raise ValueError(f"{what} must be finite, but rows {rows} are not")
        return tensor


def _on_gpu(device: str) -> bool:
    """Whether the device is a GPU; raises for one that is not there."""
    kind = torch.device(device).type
    if kind not in ("cpu", "cuda"):
        raise ValueError(f"Isaac Gym computes on 'cpu' or 'cuda:N', not on {device!r}")
    if kind == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f"device {device!r} needs an NVIDIA GPU, and torch finds none here; use device='cpu' for a look"
        )
    return kind == "cuda"
