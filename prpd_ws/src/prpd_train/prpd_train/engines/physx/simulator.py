"""The simulator over PhysX scenes: settle, reset, step."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

from prpd_task.arrays import Array
from prpd_task.frames import pitch_quaternion, quaternion_rotate
from prpd_train.engines.bury import MOST_SETTLING, floor_of, make_room, rock_place
from prpd_train.engines.checks import check_duration, check_poses, check_reset, check_specs
from prpd_train.engines.failures import FailureLog
from prpd_train.engines.physx.scene import GRAIN_SHAPES, PhysxScene, to_pose
from prpd_train.engines.protocol import SimState
from prpd_train.engines.settle import BUCKET_AWAY, Settled, SettledCache
from prpd_train.scene.generator import place_grains
from prpd_train.scene.spec import SceneSpec

_REST = np.array([0.0, 0.0, 0.0, 1.0])


class PhysxSimulator:
    """One PhysX scene per environment, advanced one after the other."""

    fixed_scenes = False

    def __init__(
        self,
        specs: Sequence[SceneSpec],
        *,
        device: str = "cpu",
        substep: float = 1 / 120,
        grain_shape: str = "cube",
        cache_bytes: int = 512 << 20,
        failure_directory: str | None = None,
    ) -> None:
        """`substep` s; `grain_shape` cube or sphere."""
        check_specs(specs)
        if device != "cpu":
            raise RuntimeError(f"the physx engine runs on the CPU, not on {device!r}; use device='cpu'")
        if grain_shape not in GRAIN_SHAPES:
            raise ValueError(f"grain shape {grain_shape!r} is not known; choose one of {', '.join(GRAIN_SHAPES)}")
        self.num_envs = len(specs)
        self.failures = FailureLog(failure_directory)
        self._shape = grain_shape
        self._substep = substep
        self._specs = list(specs)
        self._cache = SettledCache(cache_bytes)
        self._capacity = int(1.3 * max(map(self._count, specs))) + 2
        self._scenes = [PhysxScene(spec, self._capacity, grain_shape, substep) for spec in specs]
        self.state = _empty_state(self.num_envs, self._capacity)

    def _count(self, spec: SceneSpec) -> int:
        return spec.grains.count if self._shape == "cube" else spec.grains.spheres

    def reset(self, env_ids: Sequence[int], specs: Sequence[SceneSpec], bucket_poses: Array) -> None:
        """Put the environments into settled scenes, with the bucket at rest at poses (k, 4)."""
        env_ids = [int(e) for e in env_ids]
        check_reset(self._specs[0], env_ids, specs, self.num_envs)
        most = max(map(self._count, specs), default=0)
        if most > self._capacity:
            raise ValueError(f"a scene of {most} grains does not fit: this simulator has room for {self._capacity}")
        poses = check_poses("bucket poses", bucket_poses, len(env_ids))
        for env, spec, pose in zip(env_ids, specs, poses):
            self._load(env, spec, pose)

    def _load(self, env: int, spec: SceneSpec, pose: np.ndarray) -> None:
        scene = self._scenes[env]
        settled = self._cache.get(spec)
        if settled is None:
            settled = self._settle(scene, spec)
            self._cache.put(spec, settled)
        self._put(env, spec, settled, pose)
        scene.sleep()

    def _put(self, env: int, spec: SceneSpec, settled: Settled, pose: np.ndarray) -> None:
        scene = self._scenes[env]
        self._specs[env] = spec
        scene.build(spec, settled.floor, len(settled.grains))
        scene.put_bucket(_bucket_pose(pose))
        turns = settled.grain_turns if settled.grain_turns is not None else np.tile(_REST, (len(settled.grains), 1))
        scene.place(settled.grains, turns, settled.rock_position, settled.rock_quaternion)
        self.state.bucket_pose[env] = pose
        self.state.bucket_velocity[env] = 0.0
        self.state.bucket_force[env] = 0.0
        self.state.grain_count[env] = scene.count
        self.state.surface_height[env] = spec.bed.surface_height
        self.state.failed[env] = False
        self._read(env)

    def step(self, targets: Array, duration: float) -> None:
        """Advance `duration` s while each bucket moves in a straight line to its target (N, 4)."""
        check_duration(duration)
        targets = check_poses("bucket targets", targets, self.num_envs)
        state = self.state
        self.failures.record(
            grains=state.grain_position, rock=state.rock_position, bucket=state.bucket_pose, target=targets
        )
        for env, scene in enumerate(self._scenes):
            state.bucket_force[env] = self._advance(scene, state.bucket_pose[env].copy(), targets[env], duration)
            state.bucket_velocity[env] = (targets[env, :3] - state.bucket_pose[env, :3]) / duration
            state.bucket_pose[env] = targets[env]
            self._read(env)
            bad = not (np.isfinite(state.grain_position[env]).all() and np.isfinite(state.rock_position[env]).all())
            state.failed[env] = bad
            if bad:
                self.failures.dump(env, self._specs[env])
                self._scenes[env] = PhysxScene(self._specs[env], self._capacity, self._shape, self._substep)
                self._load(env, self._specs[env], targets[env])
                state.failed[env] = True

    def snapshot(self, env: int) -> Settled:
        """Where everything in an environment is now."""
        scene = self._scenes[env]
        w, x, y, z = scene.rock.entity_pose.q
        return Settled(*scene.grain_poses(), scene.rock.entity_pose.p, np.array([x, y, z, w]), scene.floor)

    def arrange(self, env: int, spec: SceneSpec, scene: Settled, bucket_pose: Array) -> None:
        """Put grains, rock and bucket where they are told, at rest but awake, without settling."""
        check_reset(self._specs[0], [env], [spec], self.num_envs)
        if len(scene.grains) > self._capacity:
            raise ValueError(f"{len(scene.grains)} grains do not fit: this simulator has room for {self._capacity}")
        self._put(env, spec, scene, check_poses("bucket poses", np.asarray(bucket_pose)[None], 1)[0])

    def close(self) -> None:
        """Free what the simulator holds."""
        self._scenes = []

    def _advance(self, scene: PhysxScene, start: np.ndarray, target: np.ndarray, duration: float) -> np.ndarray:
        """Mean force on the bucket, N."""
        substeps = max(1, round(duration / self._substep))
        scene.system.set_timestep(duration / substeps)
        force = np.asarray(scene.spec.sample.rock_force, np.float32)
        impulse = np.zeros(3)
        for k in range(substeps):
            pose = start + (target - start) * ((k + 1) / substeps)
            scene.send_bucket(_bucket_pose(pose), duration / substeps)
            if force.any() and not scene.rock.is_sleeping:
                scene.rock.add_force_torque(force, np.zeros(3, np.float32))
            scene.system.step()
            impulse += scene.impulse_on_bucket()
        return impulse / duration

    def _read(self, env: int) -> None:
        scene, state = self._scenes[env], self.state
        state.grain_position[env, : scene.count] = scene.grain_poses()[0]
        rock = scene.rock
        w, x, y, z = rock.entity_pose.q
        state.rock_position[env] = rock.entity_pose.p
        state.rock_quaternion[env] = (x, y, z, w)
        state.rock_velocity[env] = rock.linear_velocity
        state.rock_angular_velocity[env] = rock.angular_velocity
        corners = quaternion_rotate(state.rock_quaternion[env].astype(float), scene.rock_corners)
        state.rock_bottom[env] = state.rock_position[env, 2] + corners[:, 2].min()

    def _settle(self, scene: PhysxScene, spec: SceneSpec) -> Settled:
        """Let a bed come to rest, bury the rock, hold it until the soil rests around it, and let it go."""
        count = self._count(spec)
        away = np.array(BUCKET_AWAY)
        scene.build(spec, spec.bed.floor, count)
        rng = np.random.default_rng(np.random.SeedSequence([spec.seed, 2]))
        turns = np.tile(_REST, (count, 1)) + np.append(rng.uniform(-0.25, 0.25, (count, 3)), np.zeros((count, 1)), 1)
        turns /= np.linalg.norm(turns, axis=1, keepdims=True)
        grains = place_grains(spec, count)
        scene.rock.set_kinematic(True)
        scene.place(grains, turns, (0.0, 0.0, 8.0), spec.rock.quaternion)
        self._advance(scene, away, away, 1.0)
        grains, turns = scene.grain_poses()
        floor = floor_of(spec, grains)
        grains[:, 2] += floor - spec.bed.floor
        scene.build(spec, floor, count)
        rock = rock_place(spec, floor)
        size = spec.grains.edge if self._shape == "cube" else spec.grains.diameter
        scene.rock.set_kinematic(True)
        scene.place(make_room(spec, grains, rock, size, 0.5 * size), turns, rock, spec.rock.quaternion)
        self._advance(scene, away, away, 1.0)
        held = Settled(*scene.grain_poses(), rock, np.array(spec.rock.quaternion), floor)
        scene.rock.set_kinematic(False)
        self._advance(scene, away, away, 0.5)
        w, qx, qy, qz = scene.rock.entity_pose.q
        free = Settled(*scene.grain_poses(), scene.rock.entity_pose.p, np.array([qx, qy, qz, w]), floor)
        if not np.isfinite(free.grains).all():
            raise RuntimeError(f"scene {spec.digest()} did not settle: its state became infinite")
        return free if np.linalg.norm(free.rock_position - rock) < MOST_SETTLING else held


def _bucket_pose(pose: np.ndarray) -> Any:
    return to_pose(pose[:3], pitch_quaternion(np.float64(pose[3])))


def _empty_state(envs: int, grains: int) -> SimState:
    def zeros(*shape: int) -> np.ndarray:
        return np.zeros((envs, *shape), np.float32)

    return SimState(
        bucket_pose=zeros(4),
        bucket_velocity=zeros(3),
        bucket_force=zeros(3),
        rock_position=zeros(3),
        rock_quaternion=zeros(4),
        rock_velocity=zeros(3),
        rock_angular_velocity=zeros(3),
        rock_bottom=zeros(),
        grain_position=zeros(grains, 3),
        grain_count=np.zeros(envs, np.int32),
        surface_height=zeros(),
        failed=np.zeros(envs, bool),
    )
