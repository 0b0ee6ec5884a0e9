"""From scenes to a prepared Isaac Gym simulation, and where in its tensors everything is."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Sequence, Tuple

import numpy as np
from isaacgym import gymapi

from prpd_task.frames import Pose
from prpd_train.engines.isaacgym.collision import Collision, collisions
from prpd_train.engines.isaacgym.settings import Settings, sim_params
from prpd_train.engines.isaacgym.urdf import BUCKET_JOINTS, body_urdf, bucket_urdf
from prpd_train.scene.pieces import APRON, GROUND, ROCK, SOIL, Body, rigid_scene, surface_friction
from prpd_train.scene.spec import SceneSpec

SPACING = 0.5
"""m, between the grounds of neighbouring environments; wide, because rocks collide with what is in any of them."""
ABOVE = 2.0
"""m, height of the soil frames over the plane that catches what falls off the ground around a pit."""
DRIVE_STIFFNESS = 1e6
"""N/m or N m/rad: 100 N pull a bucket 0.1 mm off its course."""
DRIVE_DAMPING = 4e3
"""N s/m or N m s/rad: a moving bucket trails its target by damping/stiffness, 4 ms."""
MAX_MATERIALS = 64_000
"""PhysX's limit; each coefficient of friction in use is one."""


_created = False


@dataclass(frozen=True)
class Layout:
    """Rows of Isaac Gym's tensors, N environments. Actors, rigid bodies and joints (DOFs) are numbered separately."""

    origin: np.ndarray
    """(N, 3) m, of each environment's soil frame, in the simulation's frame."""
    bucket_actors: np.ndarray
    """(N, B), where B is 2 if the bucket meets soil as well as rock, else 1."""
    bucket_bodies: np.ndarray
    """(N, B)"""
    bucket_joints: np.ndarray
    """(N, B, 4), in the order of a bucket pose."""
    rock_actor: np.ndarray
    """(N,)"""
    rock_body: np.ndarray
    """(N,)"""
    first_grain: np.ndarray
    """(N,) actor of the first grain; the others follow it."""
    grain_count: np.ndarray
    """(N,)"""


class Build:
    """Creates environments one after the other, as Isaac Gym demands, and prepares the simulation."""

    def __init__(self, specs: Sequence[SceneSpec], settings: Settings, *, gpu: bool, device_index: int) -> None:
        frictions = {f for spec in specs for f in surface_friction(spec.materials).values()}
        if len(frictions) > MAX_MATERIALS:
            raise ValueError(
                f"{len(frictions)} coefficients of friction are more than PhysX's {MAX_MATERIALS} materials; "
                "use fewer environments or scenes"
            )
        global _created
        if _created:
            raise RuntimeError(
                "Isaac Gym cannot make a second simulation in one process (the first one leaks); "
                "start a process for each resolution"
            )
        _created = True
        self.gym = gymapi.acquire_gym()
        grains = sum(spec.grains.count for spec in specs)
        params = sim_params(settings, delta=specs[0].delta, grains=grains, gpu=gpu)
        # No graphics device: neither a viewer nor a camera is used, and a machine without Vulkan will do.
        self.sim = self.gym.create_sim(device_index, -1, gymapi.SIM_PHYSX, params)
        if self.sim is None:
            raise RuntimeError(
                f"Isaac Gym could not create a simulation on {'GPU' if gpu else 'CPU'} device {device_index}; "
                "its own messages say why"
            )
        self._contact_offset = params.physx.contact_offset
        self._add_catching_plane()
        self._assets: Dict[Tuple[str, float], gymapi.Asset] = {}
        with tempfile.TemporaryDirectory(prefix="prpd_isaacgym_") as folder:
            self._folder = Path(folder)
            rows = [self._environment(i, spec, len(specs)) for i, spec in enumerate(specs)]
        if not self.gym.prepare_sim(self.sim):
            raise RuntimeError(
                "Isaac Gym refused to prepare the simulation; see docs/isaac_gym.md on the limits of an actor"
            )
        self.layout = Layout(*(np.array(column) for column in zip(*rows)))

    def _add_catching_plane(self) -> None:
        plane = gymapi.PlaneParams()
        plane.normal = gymapi.Vec3(0.0, 0.0, 1.0)
        plane.distance = 0.0
        plane.static_friction = 1.0
        plane.dynamic_friction = 1.0
        plane.restitution = 0.0
        self.gym.add_ground(self.sim, plane)

    def _environment(self, index: int, spec: SceneSpec, count: int) -> tuple:
        """One environment, from its first actor to its last; its rows of the layout."""
        gym, scene = self.gym, rigid_scene(spec)
        x, y = (side / 2 + APRON + SPACING / 2 for side in spec.bed.footprint)
        env = gym.create_env(
            self.sim, gymapi.Vec3(-x, -y, 0.0), gymapi.Vec3(x, y, 2 * ABOVE), math.isqrt(count - 1) + 1
        )
        touch = collisions(spec.contacts, index)
        self._actor(env, self._loaded(scene.ground, fixed=True), scene.ground.pose, GROUND, touch[GROUND])
        buckets = [
            (b.kind, self._actor(env, self._loaded(b, fixed=True), Pose(), b.kind, touch[b.kind]))
            for b in scene.buckets
        ]
        for _, bucket in buckets:
            self._drive(env, bucket)
        rock = self._actor(env, self._loaded(scene.rock, fixed=False), scene.rock.pose, ROCK, touch[ROCK])
        grain_asset = self._grain(scene.grain)
        grains = [
            self._actor(env, grain_asset, Pose.from_arrays(position, quaternion), SOIL, touch[SOIL])
            for position, quaternion in zip(scene.grain_positions, scene.grain_quaternions)
        ]
        self._check_mass(env, rock, scene.rock)
        self._check_mass(env, grains[0], scene.grain)
        origin = gym.get_env_origin(env)
        domain = gymapi.DOMAIN_SIM
        first, last = (gym.get_actor_index(env, grain, domain) for grain in (grains[0], grains[-1]))
        if last - first != len(grains) - 1:
            raise RuntimeError(f"Isaac Gym did not number {len(grains)} grains in a row: first {first}, last {last}")
        return (
            (origin.x, origin.y, origin.z + ABOVE),
            [gym.get_actor_index(env, bucket, domain) for _, bucket in buckets],
            [gym.find_actor_rigid_body_index(env, bucket, kind, domain) for kind, bucket in buckets],
            [[gym.find_actor_dof_index(env, bucket, name, domain) for name in BUCKET_JOINTS] for _, bucket in buckets],
            gym.get_actor_index(env, rock, domain),
            gym.find_actor_rigid_body_index(env, rock, ROCK, domain),
            first,
            len(grains),
        )

    def _loaded(self, body: Body, *, fixed: bool) -> gymapi.Asset:
        """The asset of a body made of boxes; equal bodies share one."""
        text = body_urdf(body) if body.kind in (GROUND, ROCK) else bucket_urdf(body)
        key = (text, body.friction)
        if key not in self._assets:
            name = f"{body.kind}_{len(self._assets)}.urdf"
            (self._folder / name).write_text(text)
            asset = self.gym.load_asset(self.sim, str(self._folder), name, _options(fixed=fixed))
            if asset is None:
                raise RuntimeError(f"Isaac Gym could not load the {body.kind}'s URDF; its own messages say why")
            self._assets[key] = self._with_surface(asset, body)
        return self._assets[key]

    def _grain(self, grain: Body) -> gymapi.Asset:
        x, y, z = grain.pieces[0].size
        options = _options(fixed=False)
        options.density = grain.mass / (x * y * z)
        return self._with_surface(self.gym.create_box(self.sim, x, y, z, options), grain)

    def _with_surface(self, asset: gymapi.Asset, body: Body) -> gymapi.Asset:
        """Friction and distances, set once on the asset: on thousands of actors it would take minutes."""
        shapes = self.gym.get_asset_rigid_shape_properties(asset)
        if len(shapes) != len(body.pieces):
            raise RuntimeError(
                f"Isaac Gym made {len(shapes)} collision shapes of the {body.kind}'s {len(body.pieces)} boxes"
            )
        for shape in shapes:
            shape.friction = body.friction
            shape.restitution = 0.0
            shape.contact_offset = self._contact_offset
            shape.rest_offset = 0.0
        self.gym.set_asset_rigid_shape_properties(asset, shapes)
        return asset

    def _actor(self, env: gymapi.Env, asset: gymapi.Asset, pose: Pose, name: str, collision: Collision) -> int:
        """An actor at a pose in the soil frame."""
        x, y, z = pose.position
        transform = gymapi.Transform()
        transform.p = gymapi.Vec3(x, y, z + ABOVE)
        transform.r = gymapi.Quat(*pose.quaternion)
        return self.gym.create_actor(env, asset, transform, name, collision.group, collision.filter)

    def _drive(self, env: gymapi.Env, bucket: int) -> None:
        """Position drives on the bucket's joints, which start parked."""
        properties = self.gym.get_actor_dof_properties(env, bucket)
        properties["driveMode"].fill(gymapi.DOF_MODE_POS)
        properties["stiffness"].fill(DRIVE_STIFFNESS)
        properties["damping"].fill(DRIVE_DAMPING)
        self.gym.set_actor_dof_properties(env, bucket, properties)

    def _check_mass(self, env: gymapi.Env, actor: int, body: Body) -> None:
        mass = self.gym.get_actor_rigid_body_properties(env, actor)[0].mass
        if not math.isclose(mass, body.mass, rel_tol=1e-3):
            raise RuntimeError(f"Isaac Gym gave the {body.kind} a mass of {mass} kg instead of {body.mass} kg")


def _options(*, fixed: bool) -> gymapi.AssetOptions:
    options = gymapi.AssetOptions()
    options.fix_base_link = fixed
    # Only what is fixed or driven: the drives need not carry the bucket's weight.
    options.disable_gravity = fixed
    options.override_com = False
    options.override_inertia = False
    options.collapse_fixed_joints = False
    options.vhacd_enabled = False
    options.linear_damping = 0.0
    options.angular_damping = 0.0
    options.max_linear_velocity = 50.0
    options.max_angular_velocity = 200.0
    options.thickness = 0.0
    options.armature = 0.0
    options.enable_gyroscopic_forces = True
    return options
