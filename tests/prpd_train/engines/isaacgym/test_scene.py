"""What Isaac Gym is asked to build is the scene, body by body and box by box."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from prpd_task.frames import Pose, quaternion_rotate
from prpd_train.scene.generator import make_scene
from prpd_train.scene.pieces import rigid_scene
from prpd_train.scene.randomisation import Randomisation


@pytest.mark.parametrize("preset", ["paper", "solid"])
@pytest.mark.parametrize("shape", ["cube", "plate", "natural"])
def test_bodies_and_boxes(fake, make, preset, shape):
    specs = [make_scene(0.03, preset, seed, Randomisation(), rock_shape=shape) for seed in range(2)]
    make(specs, settle_time=0.005)
    sim = fake.last()
    assert len(sim.envs) == 2
    for spec, env in zip(specs, sim.envs):
        scene = rigid_scene(spec)
        bodies = [scene.ground, *scene.buckets, scene.rock]
        assert len(scene.buckets) == (2 if preset == "solid" else 1)
        assert [actor.name for actor in env.actors] == [b.kind for b in bodies] + ["soil"] * spec.grains.count
        for actor, body in zip(env.actors, [*bodies, *[scene.grain] * spec.grains.count]):
            check_body(actor, body)
            assert {s.contact_offset for s in actor.asset.shape_properties} == {0.05 * spec.delta}
        ground, rock, soil = env.actors[0], env.actors[len(bodies) - 1], env.actors[len(bodies) :]
        assert ground.asset.options.fix_base_link
        np.testing.assert_allclose(rock.position - ground.position, spec.rock.position, atol=1e-6)
        np.testing.assert_allclose(rock.quaternion, spec.rock.quaternion, atol=1e-6)
        np.testing.assert_allclose([a.position - ground.position for a in soil], scene.grain_positions, atol=1e-6)
        np.testing.assert_allclose([a.quaternion for a in soil], scene.grain_quaternions, atol=1e-6)


def check_body(actor, body):
    built = actor.asset.bodies[-1]
    assert len(built.shapes) == len(body.pieces)
    points = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    for shape, piece in zip(built.shapes, body.pieces):
        assert shape.size == pytest.approx(piece.size)
        turned = Pose.from_rpy(shape.position, *shape.rpy)
        np.testing.assert_allclose(turned.apply(points), piece.pose.apply(points), atol=1e-12)
    assert {shape.friction for shape in actor.asset.shape_properties} == {body.friction}
    if body.mass:
        assert built.mass == pytest.approx(body.mass)
        np.testing.assert_allclose(built.inertia, body.inertia, rtol=1e-9, atol=1e-15)


def test_the_buckets_joints_are_a_bucket_pose(fake, make, specs):
    """Four joints in a row, about and along the axes that a bucket pose is made of."""
    make(specs, settle_time=0.005)
    bucket = next(actor for actor in fake.last().actors if actor.name == "bucket_for_rock")
    assert bucket.asset.joints == ["x", "y", "z", "pitch"]
    assert set(bucket.dof_properties["driveMode"]) == {1}
    assert bucket.asset.options.disable_gravity
    text = importlib.import_module("prpd_train.engines.isaacgym.urdf").bucket_urdf(rigid_scene(specs[0]).buckets[0])
    axes = importlib.import_module("xml.etree.ElementTree").fromstring(text).findall("joint/axis")
    assert [axis.get("xyz") for axis in axes] == ["1 0 0", "0 1 0", "0 0 1", "1 0 0"]


def test_angles_of_urdf(fake):
    urdf = importlib.import_module("prpd_train.engines.isaacgym.urdf")
    rng = np.random.default_rng(0)
    for quaternion in rng.standard_normal((50, 4)):
        quaternion = quaternion / np.linalg.norm(quaternion)
        back = Pose.from_rpy((0, 0, 0), *urdf.roll_pitch_yaw(quaternion))
        vector = np.array([0.3, -0.5, 0.8])
        np.testing.assert_allclose(back.apply(vector), quaternion_rotate(quaternion, vector), atol=1e-9)


def test_settings_follow_the_grain_size(fake):
    settings = importlib.import_module("prpd_train.engines.isaacgym.settings")
    for delta in (0.07, 0.01, 0.005):
        physx = settings.sim_params(settings.Settings(), delta=delta, grains=1000, gpu=True).physx
        assert physx.contact_offset < delta / 4
        assert physx.friction_correlation_distance < physx.friction_offset_threshold < physx.contact_offset
    many = settings.sim_params(settings.Settings(), delta=0.01, grains=128 * 1953, gpu=True).physx
    assert many.max_gpu_contact_pairs == 128 * 1953 * 32
