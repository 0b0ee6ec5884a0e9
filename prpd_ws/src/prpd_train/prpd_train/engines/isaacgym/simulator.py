"""The simulator: reset by writing settled states back, step, read."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from prpd_task.arrays import Array
from prpd_task.frames import quaternion_rotate
from prpd_train.engines.checks import check_duration, check_reset, check_specs
from prpd_train.engines.failures import FailureLog
from prpd_train.engines.isaacgym.build import Build
from prpd_train.engines.isaacgym.settings import Settings
from prpd_train.engines.isaacgym.settling import settle
from prpd_train.engines.isaacgym.world import POSITION, QUATERNION, SPIN, VELOCITY, World
from prpd_train.engines.protocol import SimState
from prpd_train.scene.spec import SceneSpec

_LARGEST = 20.0
"""m: nothing sound is farther from its environment than this."""


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
        settings = settings or Settings()
        self.num_envs = len(specs)
        self.failures = FailureLog(failure_directory)
        self._specs = list(specs)
        self._closed = False
        build = Build(specs, settings, gpu=gpu, device_index=torch.device(device).index or 0)
        self._world = World(specs, build, gpu=gpu, substep=settings.substep)
        self._settled = settle(self._world, specs, settings.settle_time)
        self._origin = self._world.origin.clone()
        self._origin[:, 2] += self._settled.raised
        corners = [spec.rock.corners() for spec in specs]
        padded = [np.concatenate([c, np.repeat(c[:1], max(map(len, corners)) - len(c), 0)]) for c in corners]
        self._corners = self._world.tensor(np.array(padded, np.float32))
        self.state = self._make_state()
        self._read()

    def _make_state(self) -> SimState:
        n, world = self.num_envs, self._world
        zeros = lambda *shape: torch.zeros(n, *shape, device=world.device)  # noqa: E731
        self._tensors = {
            "bucket_pose": zeros(4),
            "bucket_velocity": zeros(3),
            "bucket_force": zeros(3),
            "rock_position": zeros(3),
            "rock_quaternion": zeros(4),
            "rock_velocity": zeros(3),
            "rock_angular_velocity": zeros(3),
            "rock_bottom": zeros(),
            "grain_position": zeros(world.grains.shape[1], 3),
            "grain_count": world.tensor(world.grain_count),
            "surface_height": torch.tensor([s.bed.surface_height for s in self._specs], device=world.device),
            "failed": zeros().bool(),
        }
        # On a CPU the NumPy arrays share the tensors' memory.
        views = self._tensors.items()
        return SimState(**{name: tensor.numpy() if world.device.type == "cpu" else tensor for name, tensor in views})

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
        self._read()

    def step(self, targets: Array, duration: float) -> None:
        """Advance `duration` s, a multiple of the substep, while each bucket moves in a straight line to its target."""
        check_duration(duration)
        goal = self._checked("bucket targets", targets, self.num_envs)
        world = self._world
        substeps = round(duration / world.substep)
        if substeps < 1 or abs(substeps * world.substep - duration) > 1e-3 * duration:
            raise ValueError(f"a step of {duration} s is no multiple of Isaac Gym's substep of {world.substep} s")
        before = world.root.clone(), world.bucket_state().clone()
        force = world.advance(_raised(goal, self._settled.raised), substeps)
        self._tensors["bucket_force"].copy_(force)
        self._read()
        broken = self._broken()
        self._tensors["failed"].copy_(broken)
        envs = broken.nonzero().flatten().tolist()
        if envs:
            self._recover(envs, before, goal)

    def close(self) -> None:
        """Free the simulation. The memory does not all come back before the process ends."""
        if not self._closed:
            self._world.gym.destroy_sim(self._world.sim)
            self._closed = True

    def _put_back(self, envs: List[int], poses: Tensor) -> None:
        """Write settled states and resting buckets; nothing is simulated."""
        world = self._world
        rows = torch.cat([world.rocks[envs], world.grains[envs].flatten()])
        world.put_actors(rows, self._settled.root[rows])
        index = torch.tensor(envs, dtype=torch.long, device=world.device)
        world.put_buckets(index, _raised(poses, self._settled.raised[index]))
        self._tensors["bucket_force"][envs] = 0.0

    def _recover(self, envs: List[int], before: Tuple[Tensor, Tensor], goal: Tensor) -> None:
        """Write down what broke, and begin it anew where its bucket was sent; `failed` stays set until the reset."""
        world = self._world
        for root, bucket in (before, (world.root, world.bucket_state())):
            self.failures.record(
                grains=root[world.grains].cpu().numpy(),
                rock=root[world.rocks].cpu().numpy(),
                bucket=bucket.cpu().numpy(),
                target=goal.cpu().numpy(),
            )
        for env in envs:
            self.failures.dump(env, self._specs[env])
        self._put_back(envs, goal[envs])
        self._read()

    def _read(self) -> None:
        """Bring the state up to date with the simulation's tensors, in place and in the soil frame."""
        out, world = self._tensors, self._world
        rock, bucket = world.root[world.rocks], world.bucket_state()
        out["bucket_pose"].copy_(_raised(bucket[..., 0], -self._settled.raised))
        out["bucket_velocity"].copy_(bucket[:, :3, 1])
        out["rock_position"].copy_(rock[:, POSITION] - self._origin)
        out["rock_quaternion"].copy_(rock[:, QUATERNION])
        out["rock_velocity"].copy_(rock[:, VELOCITY])
        out["rock_angular_velocity"].copy_(rock[:, SPIN])
        corners = quaternion_rotate(rock[:, None, QUATERNION], self._corners)
        out["rock_bottom"].copy_(out["rock_position"][:, 2] + corners[..., 2].min(-1)[0])
        out["grain_position"].copy_(world.root[world.grains][..., POSITION] - self._origin[:, None])

    def _broken(self) -> Tensor:
        """(N,) whether a state is infinite, or so far away that it soon will be."""
        out = self._tensors
        parts = [out["grain_position"].flatten(1), out["rock_position"], out["rock_quaternion"], out["bucket_pose"]]
        # A comparison with NaN is false.
        return ~(torch.cat(parts, 1).abs() < _LARGEST).all(1)

    def _checked(self, what: str, poses: Array, count: int) -> Tensor:
        """Poses as a tensor (count, 4) of this simulation's device, all finite."""
        tensor = torch.as_tensor(poses, dtype=torch.float32, device=self._world.device)
        if tensor.shape != (count, 4):
            raise ValueError(f"{what} must have the shape ({count}, 4), not {tuple(tensor.shape)}")
        if not bool(torch.isfinite(tensor).all()):
            rows = (~torch.isfinite(tensor).all(1)).nonzero().flatten().tolist()
            raise ValueError(f"{what} must be finite, but rows {rows} are not")
        return tensor


def _raised(poses: Tensor, height: Tensor) -> Tensor:
    """Bucket poses (k, 4), higher by (k,) m."""
    poses = poses.clone()
    poses[:, 2] += height
    return poses


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
