"""The simulator: reset from settled scenes, step, failure handling."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Sequence

import numpy as np
import warp as wp

from prpd_task.arrays import Array
from prpd_task.frames import quaternion_rotate
from prpd_train.engines.checks import check_duration, check_poses, check_reset, check_specs
from prpd_train.engines.failures import FailureLog
from prpd_train.engines.protocol import SimState
from prpd_train.engines.settle import BUCKET_AWAY, Settled, SettledCache
from prpd_train.engines.warp.advance import advance
from prpd_train.engines.warp.contacts import put_contacts, take_contacts, without_rock, write
from prpd_train.engines.warp.rock_tables import NODES, contact_spheres, distance_table
from prpd_train.engines.warp.types import Params, State, World, sizes
from prpd_train.scene.generator import place_grains
from prpd_train.scene.spec import SceneSpec

TAPPING = 0.5
"""Factor on friction while a bed is filled."""
MOST_SETTLING = 0.008
"""m, by which a rock may move when it is let go in a new scene."""


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
        cache_bytes: int = 512 << 20,
        failure_directory: str | None = None,
    ) -> None:
        """`substep` s; `iterations` visits per contact and substep; `sleeping` lets what rests cost nothing;
        `max_grains` per environment, for later resets.
        """
        check_specs(specs)
        wp.init()
        if device != "cpu" and not wp.is_cuda_available():
            raise RuntimeError(f"device {device!r} needs an NVIDIA GPU, and there is none here; use device='cpu'")
        self.num_envs = len(specs)
        self.failures = FailureLog(failure_directory)
        self._device = wp.get_device(device)
        self._substep = substep
        self._sleeping = sleeping
        self._cache = SettledCache(cache_bytes)
        self._specs = list(specs)
        # Room for the randomised volume, whatever the first specs drew.
        self._capacity = max_grains or int(1.3 * max(s.grains.spheres for s in specs)) + 2
        self._shapes: list[tuple] = []
        self._prm = _params(specs[0], self._capacity, substep, iterations)
        self._world, self._state = World(), State()
        lengths = sizes(self._prm, self.num_envs)
        for struct in (self._world, self._state):
            for name, var in struct._cls.vars.items():  # type: ignore[union-attr]
                array = wp.zeros(lengths.get(name, self.num_envs), dtype=var.type.dtype, device=self._device)
                setattr(struct, name, array)
        boxes = specs[0].bucket.boxes()
        self._world.box_centre.assign(np.array([b.centre for b in boxes], np.float32))
        self._world.box_half.assign(np.array([b.size for b in boxes], np.float32) / 2)
        self._world.box_pitch.assign(np.array([b.pitch for b in boxes], np.float32))
        self._all = wp.array(np.arange(self.num_envs, dtype=np.int32), device=self._device)
        self.state = self._make_state()

    def _view(self, array: wp.array, *shape: int) -> Array:
        view = array.numpy() if self._device.is_cpu else wp.to_torch(array)
        return view.reshape(shape) if shape else view

    def _make_state(self) -> SimState:
        st, w, n = self._state, self._world, self.num_envs
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
            grain_position=self._view(st.x, n, self._capacity, 3),
            grain_count=self._view(w.count),
            surface_height=self._view(self._surface),
            failed=failed.view(bool) if self._device.is_cpu else failed,
        )

    def reset(self, env_ids: Sequence[int], specs: Sequence[SceneSpec], bucket_poses: Array) -> None:
        """Put the environments into settled scenes, with the bucket at rest at poses (k, 4)."""
        env_ids = [int(e) for e in env_ids]
        check_reset(self._specs[0], env_ids, specs, self.num_envs)
        most = max((spec.grains.spheres for spec in specs), default=0)
        if most > self._capacity:
            raise ValueError(f"a scene of {most} grains does not fit in {self._capacity}; pass max_grains={most}")
        poses = check_poses("bucket poses", bucket_poses, len(env_ids))
        if not env_ids:
            return
        settled = {env: self._cache.get(spec) for env, spec in zip(env_ids, specs)}
        fresh = self._settle([(env, spec) for env, spec in zip(env_ids, specs) if settled[env] is None])
        for env, spec, pose in zip(env_ids, specs, poses):
            self._load(env, spec, settled[env] or fresh[env], pose, asleep=self._sleeping)

    def step(self, targets: Array, duration: float) -> None:
        """Advance `duration` s while each bucket moves in a straight line to its target (N, 4)."""
        check_duration(duration)
        targets = check_poses("bucket targets", targets, self.num_envs)
        if self._device.is_cpu:
            self.failures.record(
                grains=self.state.grain_position,
                rock=self.state.rock_position,
                bucket=self.state.bucket_pose,
                target=targets,
            )
        self._advance(self._all, targets, duration, may_sleep=self._sleeping)
        for env in np.flatnonzero(self._state.failed.numpy()):
            self.failures.dump(int(env), self._specs[env])
            pose = targets[env]
            self.reset([int(env)], [self._specs[env]], pose[None])
            write(self._state.failed, int(env), 1)

    def snapshot(self, env: int) -> Settled:
        """Where everything in an environment is now."""
        return self._snapshot(env, float(self._world.floor.numpy()[env]))

    def arrange(self, env: int, spec: SceneSpec, scene: Settled, bucket_pose: Array) -> None:
        """Put grains, rock and bucket where they are told, at rest but awake, without settling."""
        check_reset(self._specs[0], [env], [spec], self.num_envs)
        if len(scene.grains) > self._capacity:
            raise ValueError(f"{len(scene.grains)} grains do not fit in {self._capacity}; pass max_grains")
        pose = check_poses("bucket poses", np.asarray(bucket_pose)[None], 1)[0]
        self._load(env, spec, scene, pose, asleep=False)

    def close(self) -> None:
        """Free what the simulator holds."""
        self._cache = SettledCache(0)

    def _advance(self, envs: wp.array, targets: np.ndarray, duration: float, may_sleep: bool = True) -> None:
        substeps = max(1, round(duration / self._substep))
        wp.launch(
            advance,
            dim=len(envs),
            inputs=[
                self._prm,
                self._world,
                self._state,
                envs,
                wp.array(targets, dtype=wp.vec4, device=self._device),
                substeps,
                duration / substeps,
                int(may_sleep),
            ],
            device=self._device,
        )

    def _settle(self, scenes: Sequence[tuple[int, SceneSpec]]) -> dict[int, Settled]:
        """Let new scenes come to rest in their own environments, and remember them.

        The bed settles alone, so that its surface is known; then the rock grows in its place under the surface, is held
        while the soil finds rest around it, and let go.
        """
        found: dict[int, Settled] = {}
        if not scenes:
            return found
        away = np.tile(np.array(BUCKET_AWAY, np.float32), (self.num_envs, 1))
        envs = wp.array(np.array([e for e, _ in scenes], np.int32), device=self._device)
        w, st = self._world, self._state
        floors = {}
        for env, spec in scenes:
            rock_away = np.array([0.0, 0.0, 8.0])
            scene = Settled(
                place_grains(spec, spec.grains.spheres), None, rock_away, np.array(spec.rock.quaternion), spec.bed.floor
            )
            self._load(env, spec, scene, away[env], asleep=False)
            write(w.rock_held, env, 1)
            for friction in (w.mu_soil, w.mu_ground, w.mu_soil_rock):
                # Soil is filled in loosely and tapped; low friction lets grains find places as tapping does.
                write(friction, env, TAPPING * friction.numpy()[env])
        self._advance(envs, away, 0.4, may_sleep=False)
        for env, spec in scenes:
            mean = float(self._grains(env)[:, 2].mean())
            # Without the rock, soil of even density is twice as deep as its centre of mass is high.
            floors[env] = spec.bed.surface_height - 2 * (mean - spec.bed.floor)
            self._lift(env, floors[env] - spec.bed.floor)
            lowest = floors[env] - float(spec.rock.corners()[:, 2].min())
            x, y, z = spec.rock.position
            write(st.rock_x, env, [[x, y, max(z, lowest)]])
        for size in np.linspace(0.2, 1.0, 8):
            for env, spec in scenes:
                write(w.rock_radius, env, size * spec.rock.radius())
                self._set_rock_size(env, spec, float(size))
            self._advance(envs, away, 0.04, may_sleep=False)
        for env, spec in scenes:
            write(w.mu_soil, env, spec.materials.soil)
            write(w.mu_ground, env, spec.materials.ground)
            write(w.mu_soil_rock, env, spec.materials.soil_rock)
        self._advance(envs, away, 0.4, may_sleep=False)
        held = {env: self._snapshot(env, floors[env]) for env, _ in scenes}
        for env, _ in scenes:
            write(w.rock_held, env, 0)
        self._advance(envs, away, 0.4, may_sleep=False)
        for env, spec in scenes:
            settled = self._snapshot(env, floors[env])
            if np.linalg.norm(settled.rock_position - held[env].rock_position) > MOST_SETTLING:
                # Among grains as large as itself a rock may find no rest in its place; then it lies there, asleep.
                settled = replace(held[env], contacts=without_rock(held[env].contacts))
            if not np.isfinite(settled.grains).all():
                raise RuntimeError(f"scene {spec.digest()} did not settle: its state became infinite")
            self._cache.put(spec, settled)
            found[env] = settled
        return found

    def _snapshot(self, env: int, floor: float) -> Settled:
        n = self._specs[env].grains.spheres
        rock_x, rock_q = self._state.rock_x.numpy()[env], self._state.rock_q.numpy()[env]
        return Settled(
            self._grains(env).copy(),
            None,
            rock_x.copy(),
            rock_q.copy(),
            floor,
            take_contacts(self._prm, self._state, env, n),
        )

    def _grains(self, env: int) -> np.ndarray:
        """(count, 3) m, of one environment."""
        first = env * self._capacity
        return self._state.x.numpy()[first : first + self._specs[env].grains.spheres]

    def _lift(self, env: int, height: float) -> None:
        """Move pit and grains up by `height` m."""
        x = self._grains(env)
        x[:, 2] += height
        write(self._state.x, env, _padded(x, self._capacity), self._capacity)
        write(self._world.floor, env, self._world.floor.numpy()[env] + height)
        write(self._state.stale, env, 1)

    def _set_rock_size(self, env: int, spec: SceneSpec, factor: float) -> None:
        """Scale what grains feel of the rock."""
        half = self._table_half(spec)
        edge = factor * spec.rock.voxel_edge
        write(self._world.sdf_scale, env, edge)
        write(self._world.sdf_half, env, half * edge)

    def _table_half(self, spec: SceneSpec) -> float:
        """Half the edge of the distance table, in voxel edges: the rock and a grain around it."""
        return round((spec.rock.radius() + 0.8 * self._prm.diameter) / spec.rock.voxel_edge, 2)

    def _load(self, env: int, spec: SceneSpec, scene: Settled, pose: np.ndarray, *, asleep: bool) -> None:
        """Write a scene into an environment: everything at rest, no contact known."""
        prm, w, st = self._prm, self._world, self._state
        self._specs[env] = spec
        rock = spec.rock
        centres, radius = contact_spheres(rock)
        if len(centres) > prm.max_spheres:
            raise ValueError(
                f"a rock of {len(centres)} contact spheres does not fit: there is room for {prm.max_spheres}"
            )
        materials = spec.materials
        for array, value in (
            (w.count, len(scene.grains)),
            (w.grain_mass, spec.grains.total_mass / spec.grains.spheres),
            (w.half, [np.array(spec.bed.footprint) / 2]),
            (w.floor, scene.floor),
            (w.rim, spec.bed.surface_height + spec.bed.rim),
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
            (w.sdf_first, self._shape_table(rock.cells, self._table_half(spec))),
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
        ):
            write(array, env, value)
        self._set_rock_size(env, spec, 1.0)
        bottom = quaternion_rotate(np.asarray(scene.rock_quaternion), centres)[:, 2].min() - radius
        write(st.rock_bottom, env, scene.rock_position[2] + bottom)
        write(w.sphere_centre, env, centres, prm.max_spheres)
        write(st.v, env, np.zeros((self._capacity, 3), np.float32), self._capacity)
        write(st.x, env, _padded(scene.grains, self._capacity), self._capacity)
        quiet = prm.sleep_time if asleep else 0.0
        write(st.quiet, env, np.full(self._capacity, quiet, np.float32), self._capacity)
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
            self._world.sdf = wp.array(np.concatenate(tables), dtype=float, device=self._device)
        return self._shapes.index(key) * NODES**3


def _padded(grains: np.ndarray, capacity: int, value: float = 0.0) -> np.ndarray:
    padded = np.full((capacity, 3), value, np.float32)
    padded[: len(grains)] = grains
    return padded


def _params(spec: SceneSpec, capacity: int, substep: float, iterations: int) -> Params:
    d = spec.grains.diameter
    prm = Params()
    prm.diameter = d
    prm.skin = 0.2 * d
    prm.slop = 0.002 * d
    prm.bias_rate, prm.softness = _spring(substep)
    prm.push_speed = 0.5
    prm.iterations = iterations
    prm.max_grains = capacity
    prm.max_pairs = 8 * capacity + 64
    prm.max_extras = 3 * capacity + 64
    prm.max_spheres = max(64, int(1.5 * len(contact_spheres(spec.rock)[0])))
    prm.max_rock_contacts = 4 * prm.max_spheres
    prm.cell = d + prm.skin
    prm.nx, prm.ny = (max(3, math.ceil(side / prm.cell)) for side in spec.bed.footprint)
    prm.nz = max(3, math.ceil(1.3 * spec.bed.depth / prm.cell))
    prm.boxes = len(spec.bucket.boxes())
    prm.soil_bucket = int(spec.contacts.soil_bucket)
    prm.soil_rock = int(spec.contacts.soil_rock)
    prm.rock_bucket = int(spec.contacts.rock_bucket)
    low, high = spec.bucket.bounds()
    prm.bucket_low, prm.bucket_high = wp.vec3(*low), wp.vec3(*high)
    prm.sdf_nodes = NODES
    prm.sleep_time = 0.25
    return prm


def _spring(substep: float) -> tuple[float, float]:
    """Rate 1/s at which overlap goes, and share of the impulse let go, as of an overdamped spring."""
    damping = 10.0
    turn = 0.5 * 2 * math.pi
    stiffness = turn * (2 * damping + turn)
    return turn / substep / (2 * damping + turn), 1 / (1 + stiffness)
