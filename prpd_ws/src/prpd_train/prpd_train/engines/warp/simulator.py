"""The simulator: reset from settled scenes, step, failure handling."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np
import warp as wp

from prpd_task.arrays import Array, like
from prpd_train.engines.checks import check_duration, check_poses, check_reset, check_specs
from prpd_train.engines.failures import FailureLog
from prpd_train.engines.protocol import SimState
from prpd_train.engines.settle import BUCKET_AWAY, Settled
from prpd_train.engines.warp.bank import SceneBank
from prpd_train.engines.warp.contacts import read, take_contacts, write
from prpd_train.engines.warp.kernel.advance import advance as kernel
from prpd_train.engines.warp.kernel.lanes import lanes_for
from prpd_train.engines.warp.kernel.types import SCRATCH, SHARED, Params, State, World, sizes
from prpd_train.engines.warp.load import write_scene
from prpd_train.engines.warp.rock_tables import NODES, ShapeTables, contact_spheres
from prpd_train.engines.warp.settling import settle
from prpd_train.scene.spec import SceneSpec


class WarpSimulator:
    """Spherical grains that do not turn, a rigid rock, a kinematic bucket; see docs/physics.md."""

    fixed_scenes = False

    def __init__(
        self,
        specs: Sequence[SceneSpec],
        *,
        device: str = "cpu",
        substep: float = 1 / 240,
        iterations: int = 2,
        sleeping: bool = True,
        max_grains: int | None = None,
        cache_bytes: int = 2 << 30,
        failure_directory: str | None = None,
        tensors: bool = False,
        coloured: bool = False,
    ) -> None:
        """`substep` s; `iterations` visits per contact and substep; `sleeping` lets what rests cost nothing;
        `max_grains` per environment, for later resets; `cache_bytes` for settled scenes. `tensors`: the state comes as
        torch tensors, and `coloured`: pairs are visited colour by colour, on a CPU too, as they are on a GPU.
        """
        check_specs(specs)
        wp.init()
        if device != "cpu" and not wp.is_cuda_available():
            raise RuntimeError(f"device {device!r} needs an NVIDIA GPU, and there is none here; use device='cpu'")
        self.num_envs = len(specs)
        self.failures = FailureLog(failure_directory)
        self._device = wp.get_device(device)
        self._tensors = tensors or self._device.is_cuda
        if self._device.is_cuda:
            # Torch's work and ours on the same arrays then follow one another without being told to.
            wp.set_stream(wp.stream_from_torch(str(self._device)), self._device)
        self._substep = substep
        self._sleeping = sleeping
        self.specs = list(specs)
        # Room for the randomised volume, whatever the first specs drew.
        self._capacity = max_grains or int(1.3 * max(s.grains.spheres for s in specs)) + 2
        self._lanes = lanes_for(self._capacity) if self._device.is_cuda else 1
        self.params = _params(specs[0], self._capacity, substep, iterations, coloured or self._lanes > 1)
        self.world, self.data = World(), State()
        lengths = sizes(self.params, self.num_envs, self._lanes)
        for struct in (self.world, self.data):
            for name, var in struct._cls.vars.items():  # type: ignore[union-attr]
                array = wp.zeros(lengths.get(name, self.num_envs), dtype=var.type.dtype, device=self._device)
                setattr(struct, name, array)
        self._tables = ShapeTables(self.world, self._device)
        boxes = specs[0].bucket.boxes()
        self.world.box_centre.assign(np.array([b.centre for b in boxes], np.float32))
        self.world.box_half.assign(np.array([b.size for b in boxes], np.float32) / 2)
        self.world.box_pitch.assign(np.array([b.pitch for b in boxes], np.float32))
        self._all = wp.array(np.arange(self.num_envs, dtype=np.int32), device=self._device)
        self.state = self._make_state()
        arrays = {**_arrays(self.world), **_arrays(self.data), "surface": self._surface}
        kept = {name: array for name, array in arrays.items() if name not in SCRATCH + SHARED}
        self._bank = SceneBank({name: self._rows(array) for name, array in kept.items()}, cache_bytes)

    def _view(self, array: wp.array) -> Array:
        return wp.to_torch(array) if self._tensors else array.numpy()

    def _rows(self, array: wp.array) -> Array:
        """(N, ...) view, a row for each environment."""
        view = self._view(array)
        return view.reshape(self.num_envs, -1, *view.shape[1:])

    def _make_state(self) -> SimState:
        st, w, n = self.data, self.world, self.num_envs
        self._surface = wp.zeros(n, dtype=float, device=self._device)
        failed = self._view(st.failed)
        return SimState(
            bucket_pose=self._view(st.bucket),
            bucket_velocity=self._view(st.bucket_v),
            bucket_force=self._view(st.bucket_force),
            rock_position=self._view(st.rock_x),
            rock_quaternion=self._view(st.rock_q),
            rock_velocity=self._view(st.rock_v),
            rock_angular_velocity=self._view(st.rock_w),
            rock_bottom=self._view(st.rock_bottom),
            grain_position=self._rows(st.x)[..., :3],
            grain_count=self._view(w.count),
            surface_height=self._view(self._surface),
            failed=failed if self._tensors else failed.view(bool),
        )

    def reset(self, env_ids: Sequence[int], specs: Sequence[SceneSpec], bucket_poses: Array) -> None:
        """Put the environments into settled scenes, with the bucket at rest at poses (k, 4)."""
        env_ids = [int(e) for e in env_ids]
        check_reset(self.specs[0], env_ids, specs, self.num_envs)
        most = max((spec.grains.spheres for spec in specs), default=0)
        if most > self._capacity:
            raise ValueError(f"a scene of {most} grains does not fit in {self._capacity}; pass max_grains={most}")
        poses = check_poses("bucket poses", bucket_poses, len(env_ids))
        envs_of: dict[str, list[int]] = {}
        for env, spec in zip(env_ids, specs):
            envs_of.setdefault(spec.digest(), []).append(env)
            self.specs[env] = spec
        known = {key: envs for key, envs in envs_of.items() if key in self._bank}
        self._bank.restore(known)
        new = {key: envs for key, envs in envs_of.items() if key not in known}
        fresh = settle(self, [(envs[0], self.specs[envs[0]]) for envs in new.values()])
        for key, (env, *others) in new.items():
            self.load(env, self.specs[env], fresh[env], np.array(BUCKET_AWAY, np.float32), asleep=self._sleeping)
            self._bank.copy(env, others)
            self._bank.keep(key, env)
        bucket = self.state.bucket_pose
        bucket[like(bucket, np.array(env_ids, np.int64))] = like(bucket, poses)

    def step(self, targets: Array, duration: float) -> None:
        """Advance `duration` s while each bucket moves in a straight line to its target (N, 4)."""
        check_duration(duration)
        targets = check_poses("bucket targets", targets, self.num_envs)
        seen = {"rock": self.state.rock_position, "bucket": self.state.bucket_pose, "target": targets}
        if self._device.is_cpu:  # From a GPU, all grains at each step would be too much.
            seen["grains"] = self.state.grain_position
        self.failures.record(**seen)
        self.advance(self._all, targets, duration, may_sleep=self._sleeping)
        for env in np.flatnonzero(self.data.failed.numpy()):
            self.failures.dump(int(env), self.specs[env])
            pose = targets[env]
            self.reset([int(env)], [self.specs[env]], pose[None])
            write(self.data.failed, int(env), 1)

    def snapshot(self, env: int) -> Settled:
        """Where everything in an environment is now, and the forces."""
        data, grains = self.data, self.grains(env)
        (rock_x,), (rock_q,), (floor,) = (read(a, env, 1) for a in (data.rock_x, data.rock_q, self.world.floor))
        contacts = take_contacts(self.params, data, env, len(grains))
        return Settled(grains, None, rock_x, rock_q, float(floor), contacts)

    def arrange(self, env: int, spec: SceneSpec, scene: Settled, bucket_pose: Array) -> None:
        """Put grains, rock and bucket where they are told, at rest but awake, without settling."""
        check_reset(self.specs[0], [env], [spec], self.num_envs)
        if len(scene.grains) > self._capacity:
            raise ValueError(f"{len(scene.grains)} grains do not fit in {self._capacity}; pass max_grains")
        pose = check_poses("bucket poses", np.asarray(bucket_pose)[None], 1)[0]
        self.load(env, spec, scene, pose, asleep=False)

    def close(self) -> None:
        """Free what the simulator holds."""
        self._bank.clear()

    def advance(
        self, envs: wp.array, targets: np.ndarray, duration: float, may_sleep: bool, moving: bool = True
    ) -> None:
        """Run the kernel on `envs`; see there."""
        substeps = max(1, round(duration / self._substep))
        wp.launch(
            kernel,
            dim=len(envs) * self._lanes,
            inputs=[
                self.params,
                self.world,
                self.data,
                envs,
                wp.array(targets, dtype=wp.vec4, device=self._device),
                substeps,
                duration / substeps,
                int(may_sleep),
                int(moving),
                self._lanes,
            ],
            device=self._device,
            block_dim=self._lanes,
        )

    def grains(self, env: int) -> np.ndarray:
        """(count, 3) m, a copy, of one environment."""
        return read(self.data.x, env, self.specs[env].grains.spheres, self._capacity)[:, :3]

    def load(self, env: int, spec: SceneSpec, scene: Settled, pose: np.ndarray, *, asleep: bool) -> None:
        """Write a scene into an environment: everything at rest."""
        self.specs[env] = spec
        table = self._tables.place(spec.rock, 0.8 * self.params.diameter)
        write_scene(self.params, self.world, self.data, env, spec, scene, pose, table=table, asleep=asleep)
        write(self._surface, env, spec.bed.surface_height)


def _arrays(struct: World | State) -> dict[str, wp.array]:
    return {name: getattr(struct, name) for name in struct._cls.vars}  # type: ignore[union-attr]


def _params(spec: SceneSpec, capacity: int, substep: float, iterations: int, coloured: bool) -> Params:
    d = spec.grains.diameter
    prm = Params()
    prm.diameter = d
    prm.skin = 0.2 * d
    prm.slop = 0.002 * d
    prm.bias_rate, prm.softness = _spring(substep)
    prm.push_speed = 0.5
    prm.iterations = iterations
    prm.max_grains = capacity
    prm.max_contacts = 8 * capacity + 64
    prm.max_spheres = max(64, int(1.5 * len(contact_spheres(spec.rock)[0])))
    prm.max_rock_contacts = 4 * prm.max_spheres
    prm.coloured = int(coloured)
    prm.cell = 1.4 * d if coloured else d + prm.skin  # see kernel/neighbours.py
    sides = (*spec.bed.footprint, 1.3 * spec.bed.depth)
    prm.nx, prm.ny, prm.nz = (3 * math.ceil(side / (3 * prm.cell)) for side in sides)
    prm.boxes = len(spec.bucket.boxes())
    prm.soil_bucket = int(spec.contacts.soil_bucket)
    prm.soil_rock = int(spec.contacts.soil_rock)
    prm.rock_bucket = int(spec.contacts.rock_bucket)
    low, high = spec.bucket.bounds()
    prm.bucket_low, prm.bucket_high = wp.vec3(*low), wp.vec3(*high)
    prm.sdf_nodes = NODES
    prm.sleep_time = 0.15
    return prm


def _spring(substep: float) -> tuple[float, float]:
    """Rate 1/s at which overlap goes, and share of the impulse let go, as of an overdamped spring."""
    damping = 10.0
    turn = 0.5 * 2 * math.pi
    stiffness = turn * (2 * damping + turn)
    return turn / substep / (2 * damping + turn), 1 / (1 + stiffness)
