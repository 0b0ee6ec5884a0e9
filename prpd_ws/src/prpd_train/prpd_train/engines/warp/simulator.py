"""The simulator: reset from settled scenes, step, failure handling."""

from __future__ import annotations

import math
from typing import Sequence

import numpy as np
import warp as wp

from prpd_task.arrays import Array, like
from prpd_task.frames import quaternion_rotate
from prpd_train.engines.checks import check_duration, check_poses, check_reset, check_specs
from prpd_train.engines.failures import FailureLog
from prpd_train.engines.protocol import SimState
from prpd_train.engines.settle import BUCKET_AWAY, Settled
from prpd_train.engines.warp.advance import advance as kernel
from prpd_train.engines.warp.bank import SceneBank
from prpd_train.engines.warp.contacts import put_contacts, read, take_contacts, with_fourth, write
from prpd_train.engines.warp.lanes import lanes_for
from prpd_train.engines.warp.rock_tables import NODES, contact_spheres, distance_table
from prpd_train.engines.warp.settling import settle
from prpd_train.engines.warp.types import SCRATCH, SHARED, Params, State, World, sizes
from prpd_train.scene.spec import SceneSpec

PASSIVE = 5.0
"""Pressure that sand bears before it flows aside, over that of its own weight (42 degrees of friction). A grain stands
for a lump of soil, and bears what soil at the bottom of the bed would; without this, large grains jam like boulders.
"""


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
        self._shapes: list[tuple] = []
        self.params = _params(specs[0], self._capacity, substep, iterations, coloured or self._lanes > 1)
        self.world, self.data = World(), State()
        lengths = sizes(self.params, self.num_envs, self._lanes)
        for struct in (self.world, self.data):
            for name, var in struct._cls.vars.items():  # type: ignore[union-attr]
                array = wp.zeros(lengths.get(name, self.num_envs), dtype=var.type.dtype, device=self._device)
                setattr(struct, name, array)
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

    def _table_half(self, spec: SceneSpec) -> float:
        """Half the edge of the distance table, in voxel edges: the rock and a grain around it."""
        return round((spec.rock.radius() + 0.8 * self.params.diameter) / spec.rock.voxel_edge, 2)

    def load(self, env: int, spec: SceneSpec, scene: Settled, pose: np.ndarray, *, asleep: bool) -> None:
        """Write a scene into an environment: everything at rest, no contact known."""
        prm, w, st = self.params, self.world, self.data
        self.specs[env] = spec
        rock = spec.rock
        centres, radius = contact_spheres(rock)
        if len(centres) > prm.max_spheres:
            raise ValueError(
                f"a rock of {len(centres)} contact spheres does not fit: there is room for {prm.max_spheres}"
            )
        materials = spec.materials
        half = self._table_half(spec)
        for array, value in (
            (w.count, len(scene.grains)),
            (w.grain_mass, spec.grains.total_mass / spec.grains.spheres),
            (w.half, [np.array(spec.bed.footprint) / 2]),
            (w.floor, scene.floor),
            (w.rim, spec.bed.surface_height + spec.bed.rim),
            (w.strength, PASSIVE * spec.bed.depth),
            (w.mu_soil, materials.soil),
            (w.mu_soil_rock, materials.soil_rock),
            (w.mu_soil_bucket, materials.soil_bucket),
            (w.mu_rock_bucket, materials.rock_bucket),
            (w.mu_ground, materials.ground),
            (w.rock_mass, rock.mass),
            (w.rock_inertia, [rock.inertia()]),
            (w.rock_force, [spec.sample.rock_force]),
            (w.rock_radius, rock.radius()),
            (w.rock_held, 0),
            (w.sphere_count, len(centres)),
            (w.sphere_radius, radius),
            (w.sdf_first, self._shape_table(rock.cells, half)),
            (w.sdf_half, half * rock.voxel_edge),
            (w.sdf_scale, rock.voxel_edge),
            (self._surface, spec.bed.surface_height),
            (st.rock_x, [scene.rock_position]),
            (st.rock_q, [scene.rock_quaternion]),
            (st.rock_v, [[0, 0, 0]]),
            (st.rock_w, [[0, 0, 0]]),
            (st.rock_load, [[0, 0, 0]]),
            (st.bucket, [pose]),
            (st.bucket_v, [[0, 0, 0]]),
            (st.bucket_force, [[0, 0, 0]]),
            (st.failed, 0),
            (st.overflow, 0),
            (st.pairs_coloured, 0),
        ):
            write(array, env, value)
        bottom = quaternion_rotate(np.asarray(scene.rock_quaternion), centres)[:, 2].min() - radius
        write(st.rock_bottom, env, scene.rock_position[2] + bottom)
        write(w.sphere_centre, env, centres, prm.max_spheres)
        write(st.x, env, _padded(with_fourth(scene.grains), self._capacity), self._capacity)
        quiet = prm.sleep_time if asleep else 0.0
        write(st.motion, env, np.tile(np.array([0, 0, 0, quiet], np.float32), (self._capacity, 1)), self._capacity)
        write(st.rock_quiet, env, quiet)
        write(st.awake_count, env, 0 if asleep else len(scene.grains))
        write(st.soil_top, env, float(scene.grains[:, 2].max()) + 0.5 * prm.diameter)
        # Rows that belong to these places need no other listing; none fit a place that no grain has.
        listed = scene.grains if scene.contacts else np.full((1, 3), np.inf, np.float32)
        write(st.x_listed, env, _padded(listed, self._capacity, np.inf), self._capacity)
        put_contacts(prm, st, env, scene.contacts)

    def _shape_table(self, cells: tuple, half: float) -> int:
        """Where the distance table of a rock shape begins, after adding it if it is new."""
        key = (cells, half)
        if key not in self._shapes:
            self._shapes.append(key)
            tables = [distance_table(*shape) for shape in self._shapes]
            self.world.sdf = wp.array(np.concatenate(tables), dtype=float, device=self._device)
        return self._shapes.index(key) * NODES**3


def _arrays(struct: World | State) -> dict[str, wp.array]:
    return {name: getattr(struct, name) for name in struct._cls.vars}  # type: ignore[union-attr]


def _padded(grains: np.ndarray, capacity: int, value: float = 0.0) -> np.ndarray:
    padded = np.full((capacity, grains.shape[1]), value, np.float32)
    padded[: len(grains)] = grains
    return padded


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
    prm.cell = 1.4 * d if coloured else d + prm.skin  # see neighbours.py
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
