"""What Isaac Gym is asked to build equals, piece by piece, what the PhysX engine builds: two programs, one scene.

Read back from both: boxes and where they are, masses, inertias, friction, and who touches whom.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from prpd_task.frames import Pose, pitch_quaternion
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

pytest.importorskip("sapien", reason="sapien (PhysX 5) is not installed")

CORNERS = np.array(list(itertools.product([-0.5, 0.5], repeat=3)))
CASES = [("paper", "cube", 0.05), ("paper", "natural", 0.02), ("solid", "plate", 0.03), ("solid", "cube", 0.07)]


def physx_pieces(component, entity_pose):
    """[(corners (8, 3) m, friction, kind, meets)] of a SAPIEN body at a pose."""
    pieces = []
    for shape in component.get_collision_shapes():
        pose = entity_pose * shape.get_local_pose()
        corners = 2 * shape.half_size * CORNERS
        corners = np.array([(pose * type(pose)(corner.astype(np.float32))).p for corner in corners])
        kind, meets = shape.get_collision_groups()[:2]
        pieces.append((corners, shape.physical_material.static_friction, kind, meets))
    return pieces


def gym_pieces(actor, base=None):
    """[(corners, friction, group, filter)] of an actor, in its soil frame, where it was created or at another pose."""
    pose = base or Pose.from_arrays(actor.position - [0.0, 0.0, 2.0], actor.quaternion)
    pieces = []
    for shape, properties in zip(actor.asset.bodies[-1].shapes, actor.asset.shape_properties):
        local = Pose.from_rpy(shape.position, *shape.rpy)
        corners = (pose @ local).apply(np.array(shape.size) * CORNERS)
        pieces.append((corners, properties.friction, actor.group, actor.filter))
    return pieces


def in_order(pieces):
    """Sorted by the middle of the box and its friction, whatever order they were made in."""
    return sorted(pieces, key=lambda piece: [*np.round(piece[0].mean(0), 5), round(piece[1], 5)])


def touch_in_physx(a, b):
    return bool(a[2] & b[3] or b[2] & a[3])


def touch_in_gym(a, b):
    return (a[2] == b[2] or -1 in (a[2], b[2])) and not a[3] & b[3]


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def built(request, fake, make):
    """The scene, the fake's actors by name, and the PhysX scene with its bodies where the fake's were created."""
    from prpd_train.engines.physx.scene import PhysxScene

    preset, shape, delta = request.param
    spec = make_scene(delta, preset, 5, Randomisation(), rock_shape=shape)
    make([spec], settle_time=0.005)
    actors = {}
    for actor in fake.last().envs[0].actors:
        actors.setdefault(actor.name, []).append(actor)
    scene = PhysxScene(spec, spec.grains.count, "cube", 1 / 120)
    scene.build(spec, spec.bed.floor, spec.grains.count)
    return spec, actors, scene


def bucket_pieces(actors, scene):
    """Of both engines, at the same pose."""
    from prpd_train.engines.physx.scene import to_pose

    where = np.array([0.1, -0.2, 0.3, 0.4])
    there = to_pose(where[:3], pitch_quaternion(where[3]))
    names = [name for name in ("bucket_for_rock", "bucket_for_soil") if name in actors]
    in_gym = [piece for name in names for piece in gym_pieces(actors[name][0], Pose.from_bucket(where))]
    return physx_pieces(scene.bucket, there), in_gym


def same(ours, theirs):
    ours, theirs = in_order(ours), in_order(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(sorted(a[0].tolist()), sorted(b[0].tolist()), atol=2e-6)
        assert a[1] == pytest.approx(b[1], abs=1e-6)


def test_the_pit(built):
    _, actors, scene = built
    (ground,) = scene._ground
    same(gym_pieces(actors["ground"][0]), physx_pieces(ground.components[0], ground.pose))


def test_the_rock(built):
    _, actors, scene = built
    rock = actors["rock"][0]
    same(gym_pieces(rock), physx_pieces(scene.rock, scene.rock.entity_pose))
    body = rock.asset.bodies[0]
    assert body.mass == pytest.approx(scene.rock.mass, rel=1e-5)
    turn = scene.rock.cmass_local_pose.to_transformation_matrix()[:3, :3]
    np.testing.assert_allclose(turn @ np.diag(scene.rock.inertia) @ turn.T, body.inertia, rtol=1e-4, atol=1e-8)
    np.testing.assert_allclose(scene.rock.cmass_local_pose.p, 0.0, atol=1e-7)


def test_the_bucket(built):
    _, actors, scene = built
    in_physx, in_gym = bucket_pieces(actors, scene)
    same(in_gym, in_physx)


def test_the_grains(built):
    spec, actors, scene = built
    grains = actors["soil"]
    assert len(grains) == scene.count == spec.grains.count
    (ours,), (theirs,) = gym_pieces(grains[0], Pose()), physx_pieces(scene.grains[0], type(scene.rock.entity_pose)())
    same([ours], [theirs])
    body = grains[0].asset.bodies[0]
    assert body.mass == pytest.approx(scene.grains[0].mass, rel=1e-5)
    np.testing.assert_allclose(np.diag(body.inertia), scene.grains[0].inertia, rtol=1e-4)


def test_who_touches_whom(built):
    _, actors, scene = built
    (ground,) = scene._ground
    in_physx, in_gym = (in_order(pieces) for pieces in bucket_pieces(actors, scene))
    identity = type(scene.rock.entity_pose)()
    theirs = [
        physx_pieces(ground.components[0], ground.pose)[0],
        physx_pieces(scene.grains[0], identity)[0],
        physx_pieces(scene.rock, identity)[0],
        *in_physx,
    ]
    ours = [
        gym_pieces(actors["ground"][0])[0],
        gym_pieces(actors["soil"][0])[0],
        gym_pieces(actors["rock"][0])[0],
        *in_gym,
    ]
    pairs = itertools.combinations(range(len(ours)), 2)
    for i, j in [(1, 1), *((i, j) for i, j in pairs if i < 3)]:
        assert touch_in_gym(ours[i], ours[j]) == touch_in_physx(theirs[i], theirs[j]), (i, j)
