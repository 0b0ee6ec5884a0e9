"""One scene in PhysX: pit, grains, rock and bucket as SAPIEN bodies."""

from __future__ import annotations

import itertools
import warnings
from typing import Sequence

import numpy as np
from numpy.typing import ArrayLike

from prpd_task.frames import pitch_quaternion
from prpd_train.scene.spec import GRAVITY, Rock, SceneSpec

with warnings.catch_warnings():
    # It says that it brings its own Vulkan loader; nothing is rendered here.
    warnings.simplefilter("ignore")
    import sapien
    from sapien import physx

GRAIN_SHAPES = ("cube", "sphere")
SOIL, ROCK, BUCKET, GROUND = 1, 2, 4, 8
BUCKET_MASS = 1e4
"""kg. It goes where it is sent: in a step of 20 ms, 1 kN moves it by 40 um. Its change of momentum is the impulse on
it. A kinematic body has none: all contacts of the bed would have to be searched for its own, which takes longer than to
simulate them."""
_GROUND_REACH = 2.0
"""m, from the pit's walls to the end of the ground."""
_PACKED = 13
"""Numbers of a moving body in `PhysxCpuSystem.pack`: quaternion (w, x, y, z), position, velocity, angular velocity."""


def to_pose(position: ArrayLike, quaternion: np.ndarray | Sequence[float]) -> sapien.Pose:
    """From a position and a quaternion (x, y, z, w); SAPIEN's own order is (w, x, y, z)."""
    x, y, z, w = quaternion
    return sapien.Pose(np.asarray(position, np.float32), np.array([w, x, y, z], np.float32))


class PhysxScene:
    """Bodies are made once for the most grains that a scene may have; those not used are switched off."""

    def __init__(self, spec: SceneSpec, capacity: int, grain_shape: str, substep: float) -> None:
        physx.set_scene_config(
            gravity=np.array([0.0, 0.0, -GRAVITY], np.float32),
            bounce_threshold=0.2,
            enable_tgs=True,
            enable_enhanced_determinism=True,
        )
        physx.set_shape_config(contact_offset=0.1 * spec.delta, rest_offset=0.0)
        physx.set_body_config(solver_position_iterations=8, solver_velocity_iterations=1, sleep_threshold=5e-5)
        self.system = physx.PhysxCpuSystem()
        self.system.set_timestep(substep)
        self.scene = sapien.Scene([self.system])
        self.spec = spec
        self._materials = {
            name: physx.PhysxMaterial(0.5, 0.5, 0.0) for name in ("soil", "rock", "ground", "to_soil", "to_rock")
        }
        self._ground: list[sapien.Entity] = []
        self.grains = [self._make_grain(spec, grain_shape) for _ in range(capacity)]
        self.count = 0
        self.bucket = self._make_bucket(spec)
        self.put_bucket(sapien.Pose([0, 0, 5]))
        self.rock = physx.PhysxRigidDynamicComponent()
        self.rock_corners = np.zeros((0, 3))
        self._rock_entity: sapien.Entity | None = None

    def _shape(self, shape: physx.PhysxCollisionShape, kind: int, meets: int) -> physx.PhysxCollisionShape:
        # SAPIEN lets two shapes touch when the kind of either is among what the other meets.
        shape.set_collision_groups([kind, meets, 0, 0])
        return shape

    def _add(self, body: physx.PhysxRigidBaseComponent, pose: sapien.Pose | None = None) -> sapien.Entity:
        entity = sapien.Entity()
        entity.add_component(body)
        if pose is not None:
            entity.set_pose(pose)
        self.scene.add_entity(entity)
        return entity

    def _make_grain(self, spec: SceneSpec, grain_shape: str) -> physx.PhysxRigidDynamicComponent:
        body = physx.PhysxRigidDynamicComponent()
        material = self._materials["soil"]
        if grain_shape == "cube":
            shape = physx.PhysxCollisionShapeBox(np.full(3, spec.grains.edge / 2, np.float32), material)
        else:
            shape = physx.PhysxCollisionShapeSphere(spec.grains.diameter / 2, material)
        body.attach(self._shape(shape, SOIL, SOIL))
        body.set_max_depenetration_velocity(1.0)
        self._add(body)
        body.disable()
        return body

    def _make_bucket(self, spec: SceneSpec) -> physx.PhysxRigidDynamicComponent:
        body = physx.PhysxRigidDynamicComponent()
        contacts = spec.contacts
        # Two sets of shapes, since its friction against soil differs from that against rock.
        layers = [("to_rock", ROCK)] * contacts.rock_bucket + [("to_soil", SOIL)] * contacts.soil_bucket
        for (name, meets), box in itertools.product(layers, spec.bucket.boxes()):
            shape = physx.PhysxCollisionShapeBox(np.asarray(box.size, np.float32) / 2, self._materials[name])
            shape.set_local_pose(to_pose(box.centre, pitch_quaternion(np.float64(box.pitch))))
            body.attach(self._shape(shape, 0, meets))
        body.set_mass(BUCKET_MASS)
        body.set_inertia(np.full(3, BUCKET_MASS, np.float32))
        body.set_cmass_local_pose(sapien.Pose())
        body.set_disable_gravity(True)
        body.set_linear_damping(0.0)
        body.set_angular_damping(0.0)
        body.set_sleep_threshold(0.0)
        self._add(body)
        return body

    def build(self, spec: SceneSpec, floor: float, count: int) -> None:
        """Take over another scene of the same grain size: its pit, masses, friction and rock."""
        self.spec = spec
        self.floor = floor
        friction = spec.materials
        # PhysX takes the mean of the two materials of a contact.
        soil = friction.soil
        for name, value in (
            ("soil", soil),
            ("ground", 2 * friction.ground - soil),
            ("rock", 2 * friction.soil_rock - soil),
            ("to_soil", 2 * friction.soil_bucket - soil),
            ("to_rock", 2 * friction.rock_bucket - (2 * friction.soil_rock - soil)),
        ):
            self._materials[name].set_static_friction(max(value, 0.0))
            self._materials[name].set_dynamic_friction(max(value, 0.0))
        self._build_pit(floor)
        edge = spec.grains.edge
        mass = spec.grains.total_mass / count
        for i, grain in enumerate(self.grains):
            if i < count:
                grain.set_mass(mass)
                grain.set_inertia(np.full(3, mass * edge**2 / 6, np.float32))
                if i >= self.count:
                    grain.enable()
            elif i < self.count:
                grain.disable()
        self.count = count
        self._build_rock(spec.rock)
        places = {id(body): i for i, body in enumerate(self.system.get_rigid_dynamic_components())}
        self._packed = [places[id(grain)] for grain in self.grains[:count]]

    def _build_pit(self, floor: float) -> None:
        for entity in self._ground:
            self.scene.remove_entity(entity)
        (half_x, half_y), rim = np.array(self.spec.bed.footprint) / 2, self.spec.bed.surface_height + self.spec.bed.rim
        reach = _GROUND_REACH / 2
        height, middle = rim - (floor - 0.2), (rim + floor - 0.2) / 2
        blocks = [((half_x, half_y, 0.1), (0, 0, floor - 0.1))]
        for side in (-1, 1):
            blocks.append(((reach, half_y + 2 * reach, height / 2), (side * (half_x + reach), 0, middle)))
            blocks.append(((half_x, reach, height / 2), (0, side * (half_y + reach), middle)))
        body = physx.PhysxRigidStaticComponent()
        for half, centre in blocks:
            shape = physx.PhysxCollisionShapeBox(np.asarray(half, np.float32), self._materials["ground"])
            shape.set_local_pose(sapien.Pose(centre))
            body.attach(self._shape(shape, GROUND, SOIL | ROCK))
        self._ground = [self._add(body)]

    def _build_rock(self, rock: Rock) -> None:
        if self._rock_entity is not None:
            self.scene.remove_entity(self._rock_entity)
        body = physx.PhysxRigidDynamicComponent()
        half = np.full(3, rock.voxel_edge / 2, np.float32)
        for centre in rock.voxel_centres():
            shape = physx.PhysxCollisionShapeBox(half, self._materials["rock"])
            shape.set_local_pose(sapien.Pose(centre.astype(np.float32)))
            meets = SOIL if self.spec.contacts.soil_rock else 0
            body.attach(self._shape(shape, ROCK, meets))
        body.set_max_depenetration_velocity(1.0)
        body.set_mass(rock.mass)
        moments, axes = np.linalg.eigh(rock.inertia())
        if np.linalg.det(axes) < 0:
            axes[:, 0] *= -1
        turn = np.eye(4, dtype=np.float32)
        turn[:3, :3] = axes
        body.set_cmass_local_pose(sapien.Pose(turn))
        body.set_inertia(moments.astype(np.float32))
        self._rock_entity = self._add(body, to_pose(rock.position, rock.quaternion))
        self.rock, self.rock_corners = body, rock.corners()

    def place(
        self,
        positions: np.ndarray,
        quaternions: np.ndarray,
        rock_position: ArrayLike,
        rock_quaternion: np.ndarray | Sequence[float],
    ) -> None:
        """Put grains and rock somewhere, without velocity."""
        zero = np.zeros(3, np.float32)
        poses = [to_pose(p, q) for p, q in zip(positions, quaternions)] + [to_pose(rock_position, rock_quaternion)]
        for body, pose in zip([*self.grains[: self.count], self.rock], poses):
            body.set_entity_pose(pose)
            if not body.kinematic:
                body.set_linear_velocity(zero)
                body.set_angular_velocity(zero)

    def sleep(self) -> None:
        """Put everything to sleep; a body wakes when something that moves touches it."""
        for body in [*self.grains[: self.count], self.rock]:
            body.put_to_sleep()

    def grain_poses(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions (count, 3) m and quaternions (count, 4) (x, y, z, w)."""
        # All at once: asking body by body takes longer than the simulation.
        bodies = np.frombuffer(self.system.pack(), np.float32).reshape(-1, _PACKED)[self._packed]
        return bodies[:, 4:7], bodies[:, [1, 2, 3, 0]]

    def put_bucket(self, pose: sapien.Pose) -> None:
        """Put the bucket somewhere, at rest."""
        self.bucket.set_entity_pose(pose)
        self.send_bucket(pose, 1.0)

    def send_bucket(self, pose: sapien.Pose, duration: float) -> None:
        """Let the bucket be at a pose after a step of `duration` s."""
        here = self.bucket.entity_pose
        w, *turn = (pose * here.inv()).q
        self._sent = (pose.p - here.p) / duration
        self.bucket.set_linear_velocity(self._sent)
        self.bucket.set_angular_velocity(np.copysign(2.0 / duration, w) * np.array(turn, np.float32))

    def impulse_on_bucket(self) -> np.ndarray:
        """(3,) N s, in the last step."""
        return BUCKET_MASS * np.subtract(self.bucket.linear_velocity, self._sent, dtype=float)
