"""The soil world on a stand-in without physics: the rock follows the bucket once it is in the bowl."""

import socket
import struct
import threading

import numpy as np
import pytest

from prpd_task.cell import Cell
from prpd_task.frames import Pose, bucket_to_soil, soil_to_bucket
from prpd_train.engines.protocol import SimState
from prpd_twin.soil_world.arm_link import ArmLink
from prpd_twin.soil_world.environment import load
from prpd_twin.soil_world.world import BucketInSoilError, SoilWorld

ABOVE = np.array([0.0, -0.2, 0.2, 0.0])


class StickyRock:
    """A rock that sticks to the bucket at the place where the bowl first contains it."""

    num_envs, fixed_scenes = 1, False

    def __init__(self, scene):
        self.closed, self.fail = False, False

    def reset(self, env_ids, specs, bucket_poses):
        self.scene, self.local = specs[0], None
        self._show(np.array(bucket_poses[0]), np.zeros(3), np.array(specs[0].rock.position), np.zeros(3))

    def step(self, targets, duration):
        pose, rock = targets[0], self.state.rock_position[0]
        inside = self.scene.bucket.contains(soil_to_bucket(pose, rock))
        if inside and self.local is None:
            self.local = soil_to_bucket(pose, rock)
        moved = rock if self.local is None else bucket_to_soil(pose, self.local)
        velocity = (pose - self.state.bucket_pose[0])[:3] / duration
        self._show(pose.copy(), velocity, moved, (moved - rock) / duration)

    def _show(self, pose, velocity, rock, rock_velocity):
        bottom = rock[2] + self.scene.rock.corners()[:, 2].min()
        one = np.ones(1)
        self.state = SimState(
            bucket_pose=pose[None],
            bucket_velocity=velocity[None],
            bucket_force=np.array([[0.0, 0.0, -10.0 if self.local is not None else 0.0]]),
            rock_position=rock[None],
            rock_quaternion=np.array([[0.0, 0.0, 0.0, 1.0]]),
            rock_velocity=rock_velocity[None],
            rock_angular_velocity=np.zeros((1, 3)),
            rock_bottom=bottom * one,
            grain_position=np.zeros((1, 5, 3)),
            grain_count=np.array([4]),
            surface_height=0.0 * one,
            failed=np.array([self.fail]),
        )

    def close(self):
        self.closed = True


@pytest.fixture
def world():
    world = SoilWorld(StickyRock)
    world.reset(load("cube_sand"), 0, ABOVE)
    yield world
    world.close()


def move(world, start, end, steps=50, duration=0.02):
    return [world.advance(start + (end - start) * (i + 1) / steps, duration) for i in range(steps)]


def dug(world):
    """The poses of a dig: under the rock, and up."""
    rock = np.array([*world.scene.rock.position, 0.0])
    under = rock - [0.0, 0.0, 0.03, 0.0]
    return under, under + [0.0, 0.0, 0.15, 0.0]


def test_a_lifted_rock_is_a_success_once_it_was_held(world):
    under, up = dug(world)
    assert not move(world, ABOVE, under)[-1].success
    assert move(world, under, up)[-1].in_bucket
    truths = [world.advance(up, 0.02) for _ in range(40)]
    first = next(i for i, t in enumerate(truths) if t.success)
    assert truths[-1].success
    assert 0.02 * first <= 0.5
    assert truths[-1].force[2] == pytest.approx(-10.0, rel=0.01)


def test_the_force_grows_smoothly(world):
    under, up = dug(world)
    truths = move(world, ABOVE, under) + move(world, under, up)
    forces = [0.0, *(-t.force[2] for t in truths)]
    assert forces[-1] > 9.9
    assert max(np.diff(forces)) < 10 * (1 - np.exp(-0.5)) + 1e-6


def test_a_reset_forgets_and_gives_the_new_scene(world):
    under, up = dug(world)
    move(world, ABOVE, under)
    move(world, under, up, steps=100)
    world.reset(load("cube_sand"), 1, up + [0, 0, 0.1, 0])
    truth = world.advance(up + [0, 0, 0.1, 0], 0.02)
    assert not truth.success
    assert truth.rock.position == pytest.approx(load("cube_sand").scene(1).rock.position)
    assert len(world.grains) == 4


def test_another_grain_size_gets_another_simulator(world):
    first = world._simulator
    world.reset(load("cube_deep"), 0, ABOVE)
    assert world._simulator is first
    world.reset(load("cube_gravel"), 0, ABOVE)
    assert world._simulator is not first
    assert first.closed


def test_the_soil_is_not_set_up_around_a_bucket(world):
    with pytest.raises(BucketInSoilError, match="home it first"):
        world.reset(load("cube_sand"), 0, np.array([0.0, 0.0, -0.02, 0.0]))
    # Level it would be clear; with its tips down it is not.
    world.reset(load("cube_sand"), 0, np.array([0.0, 0.0, 0.03, 0.0]))
    with pytest.raises(BucketInSoilError):
        world.reset(load("cube_sand"), 0, np.array([0.0, 0.0, 0.03, -0.8]))


def test_an_unstable_simulation_is_not_passed_on(world):
    world._simulator.fail = True
    with pytest.raises(FloatingPointError, match="unstable"):
        move(world, ABOVE, ABOVE, steps=2)


def test_the_arm_link_speaks_in_the_soils_frame():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    cell = Cell()
    bucket = Pose.from_bucket((0.02, -0.1, 0.15, 0.3))
    base_from_bucket = cell.base_from_soil @ bucket
    along_y = cell.base_from_soil.apply(np.array([0.0, 1.0, 0.0])) - np.asarray(cell.base_from_soil.position)
    requests = []

    def answer():
        data, address = server.recvfrom(100)
        requests.append(struct.unpack("<6d", data))
        server.sendto(struct.pack("<13d", 7.0, *base_from_bucket.rotation_vector(), *(0.2 * along_y), 0, 0, 0), address)

    thread = threading.Thread(target=answer)
    thread.start()
    with ArmLink("127.0.0.1", cell, port=server.getsockname()[1], timeout=5.0) as arm:
        reading = arm.exchange(np.array([0.0, 3.0, 0.0]))
    thread.join()
    server.close()
    assert reading.time == 7.0
    np.testing.assert_allclose(reading.soil_from_bucket.bucket_pose(), [0.02, -0.1, 0.15, 0.3], atol=1e-9)
    np.testing.assert_allclose(reading.velocity, [0.0, 0.2, 0.0], atol=1e-9)
    np.testing.assert_allclose(requests[0], [*(3.0 * along_y), 0, 0, 0], atol=1e-9)


def test_an_answer_to_what_was_told_before_is_not_taken_for_a_new_one():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def answer(clock):
        _, address = server.recvfrom(100)
        server.sendto(struct.pack("<13d", clock, *[0.0] * 12), address)

    with ArmLink("127.0.0.1", Cell(), port=server.getsockname()[1], timeout=5.0) as arm:
        arm.tell(np.zeros(3))
        answer(1.0)
        thread = threading.Thread(target=answer, args=(2.0,))
        thread.start()
        assert arm.exchange(np.zeros(3)).time == 2.0
        thread.join()
    server.close()


def test_no_controller_is_no_reading():
    with ArmLink("127.0.0.1", Cell(), port=9) as arm:
        assert arm.exchange(np.zeros(3)) is None
