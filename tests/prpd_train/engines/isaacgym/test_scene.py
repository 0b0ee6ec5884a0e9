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
        actors = {name: [a for a in env.actors if a.name == name] for name in ("ground", "bucket", "rock", "soil")}
        assert [len(found) for found in actors.values()] == [1, 1, 1, spec.grains.count]
        for name, body in (
            ("ground", scene.ground),
            ("bucket", scene.bucket),
            ("rock", scene.rock),
            ("soil", scene.grain),
        ):
            actor = actors[name][0]
            built = actor.asset.bodies[-1]
            assert len(built.shapes) == len(body.pieces)
            for shape_built, piece in zip(built.shapes, body.pieces):
                assert shape_built.size == pytest.approx(piece.size)
                turned = Pose.from_rpy(shape_built.position, *shape_built.rpy)
                points = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
                np.testing.assert_allclose(turned.apply(points), piece.pose.apply(points), atol=1e-12)
            assert [s.friction for s in actor.asset.shape_properties] == pytest.approx(
                [body.friction] * len(body.pieces)
            )
            assert {s.contact_offset for s in actor.asset.shape_properties} == {0.05 * spec.delta}
            if body.mass:
                assert built.mass == pytest.approx(body.mass)
                np.testing.assert_allclose(built.inertia, body.inertia, rtol=1e-9, atol=1e-15)
        ground, rock = actors["ground"][0], actors["rock"][0]
        assert ground.asset.options.fix_base_link
        np.testing.assert_allclose(rock.position - ground.position, spec.rock.position, atol=1e-6)
        np.testing.assert_allclose(rock.quaternion, spec.rock.quaternion, atol=1e-6)
        grains = np.array([actor.position for actor in actors["soil"]]) - ground.position
        np.testing.assert_allclose(grains, scene.grain_positions, atol=1e-6)


def test_the_buckets_joints_are_a_bucket_pose(fake, make, specs):
    """Four joints in a row, about and along the axes that a bucket pose is made of."""
    make(specs, settle_time=0.005)
    bucket = next(actor for actor in fake.last().actors if actor.name == "bucket")
    assert bucket.asset.joints == ["x", "y", "z", "pitch"]
    assert set(bucket.dof_properties["driveMode"]) == {1}
    assert bucket.asset.options.disable_gravity
    text = importlib.import_module("prpd_train.engines.isaacgym.urdf").bucket_urdf(rigid_scene(specs[0]).bucket)
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
