"""Over the fake, with PhysX 5 moving what the fake was asked to build: signs, frames, indices, settling.

All that reaches the physics here went through Isaac Gym's interface: shapes through URDF, contacts through its groups
and filters, motion through joint targets and written states. It is still not Isaac Gym.
"""

from __future__ import annotations

import numpy as np
import pytest

from prpd_task.frames import Pose
from prpd_train.engines import first_look
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

sapien = pytest.importorskip("sapien", reason="sapien (PhysX 5) is not installed")
physx = sapien.physx


def to_pose(pose):
    x, y, z, w = pose.quaternion
    return sapien.Pose(np.float32(pose.position), np.float32([w, x, y, z]))


class Physics:
    """Takes the place of the fake's `on_simulate`."""

    def __init__(self):
        self.systems = None

    def __call__(self, sim):
        if self.systems is None:
            self._build(sim)
        for system, bodies in self.systems:
            for actor, body in bodies:
                if actor.asset.joints:
                    self._drive(sim, actor, body)
                elif not actor.asset.options.fix_base_link:
                    self._teleport(sim, actor, body)
            system.step()
            for actor, body in bodies:
                if not actor.asset.options.fix_base_link:
                    self._read(sim, actor, body)
            self._forces(sim, system, bodies)
        self.shown = sim.root.copy()

    def _build(self, sim):
        self.shown = sim.root.copy()
        settings = sim.params.physx
        physx.set_scene_config(gravity=np.float32([0, 0, sim.params.gravity.z]), enable_tgs=True)
        physx.set_shape_config(contact_offset=settings.contact_offset, rest_offset=settings.rest_offset)
        physx.set_body_config(solver_position_iterations=8, solver_velocity_iterations=1, sleep_threshold=0.0)
        self.systems, self.scenes = [], []
        for env in sim.envs:
            system = physx.PhysxCpuSystem()
            system.set_timestep(sim.params.dt)
            scene = sapien.Scene([system])
            kinds = sorted({(actor.group, actor.filter) for actor in env.actors})
            bodies = []
            for actor in env.actors:
                fixed, driven = actor.asset.options.fix_base_link, bool(actor.asset.joints)
                body = physx.PhysxRigidStaticComponent() if fixed and not driven else physx.PhysxRigidDynamicComponent()
                for shape, properties in zip(actor.asset.bodies[-1].shapes, actor.asset.shape_properties):
                    material = physx.PhysxMaterial(properties.friction, properties.friction, properties.restitution)
                    box = physx.PhysxCollisionShapeBox(np.float32(shape.size) / 2, material)
                    box.set_local_pose(to_pose(Pose.from_rpy(shape.position, *shape.rpy)))
                    meets = [self._collide((actor.group, actor.filter), other) for other in kinds]
                    mine = 1 << kinds.index((actor.group, actor.filter))
                    box.set_collision_groups([mine, sum(1 << k for k, touch in enumerate(meets) if touch), 0, 0])
                    body.attach(box)
                if driven:
                    body.set_kinematic(True)
                elif not fixed:
                    body.set_mass(actor.asset.bodies[0].mass)
                    moments, axes = np.linalg.eigh(actor.asset.bodies[0].inertia)
                    turn = np.eye(4, dtype=np.float32)
                    turn[:3, :3] = axes * np.linalg.det(axes)
                    body.set_cmass_local_pose(sapien.Pose(turn))
                    body.set_inertia(np.float32(moments))
                    body.set_max_depenetration_velocity(settings.max_depenetration_velocity)
                entity = sapien.Entity()
                entity.add_component(body)
                entity.set_pose(self._pose(sim.root[actor.index]))
                scene.add_entity(entity)
                bodies.append((actor, body))
            self.scenes.append(scene)
            self.systems.append((system, bodies))

    @staticmethod
    def _collide(a, b):
        return (a[0] == b[0] or -1 in (a[0], b[0])) and not a[1] & b[1]

    @staticmethod
    def _pose(row):
        return to_pose(Pose.from_arrays(row[:3], row[3:7]))

    def _drive(self, sim, actor, body):
        """The joints are at their targets already; the bucket follows within the step, or jumps after a reset."""
        position = sim.dof[actor.first_dof : actor.first_dof + 4, 0]
        root = Pose.from_arrays(sim.root[actor.index, :3], sim.root[actor.index, 3:7])
        pose = to_pose(root @ Pose.from_bucket(position))
        if np.linalg.norm(pose.p - body.entity_pose.p) > 0.02:
            body.set_entity_pose(pose)
        else:
            body.set_kinematic_target(pose)

    def _teleport(self, sim, actor, body):
        row = sim.root[actor.index]
        if not np.array_equal(row, self.shown[actor.index]):
            body.set_entity_pose(self._pose(row))
            body.set_linear_velocity(row[7:10])
            body.set_angular_velocity(row[10:13])
        if sim.forces is not None and sim.forces[actor.first_body].any():
            body.add_force_torque(sim.forces[actor.first_body], np.zeros(3, np.float32))

    def _read(self, sim, actor, body):
        pose = body.entity_pose
        w, x, y, z = pose.q
        sim.root[actor.index] = [*pose.p, x, y, z, w, *body.linear_velocity, *body.angular_velocity]

    def _forces(self, sim, system, bodies):
        buckets = [(actor, body) for actor, body in bodies if actor.asset.joints]
        for actor, body in buckets:
            force = np.zeros(3)
            for contact in system.get_contacts():
                first, second = contact.bodies
                sign = 1.0 if first == body else -1.0 if second == body else 0.0
                force += sign * sum((np.asarray(point.impulse, float) for point in contact.points), np.zeros(3))
            sim.contact[actor.first_body + len(actor.asset.bodies) - 1] = force / sim.params.dt


@pytest.fixture
def with_physics(fake, monkeypatch):
    monkeypatch.setattr(fake.Sim, "on_simulate", Physics())


def test_the_first_look_finds_nothing(with_physics, make):
    specs = [make_scene(0.05, seed=seed) for seed in range(2)]
    findings = first_look.look(make(specs, settle_time=0.5), specs)
    assert [str(finding) for finding in findings if not finding.fine] == []


@pytest.mark.parametrize("preset", ["paper", "solid"])
def test_randomised_beds_lie_where_their_scenes_have_them(with_physics, make, preset):
    """Also where the soil is higher, lower, deeper or shallower than nominal."""
    specs = [make_scene(0.05, preset, seed, Randomisation()) for seed in range(2)]
    simulator = make(specs, settle_time=0.4)
    simulator.reset(range(2), specs, np.float32([[0.0, 0.0, 0.3, 0.0]] * 2))
    for env, spec in enumerate(specs):
        grains = simulator.state.grain_position[env, : spec.grains.count]
        assert np.linalg.norm(simulator.state.rock_position[env] - spec.rock.position) < 0.02
        assert abs(np.quantile(grains[:, 2], 0.97) - spec.bed.surface_height) < spec.delta
        assert (np.abs(grains[:, :2]) < np.array(spec.bed.footprint) / 2 + 0.02).mean() > 0.9
