"""The node of the soil, in this process, with a stand-in for the arm that stands where it is put."""

import socket
import struct
import threading

import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from prpd_interfaces.srv import ResetSoil
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_twin.snapshot import SnapshotWriter
from prpd_twin.soil_world.arm_link import PORT
from prpd_twin.soil_world.node import SoilWorldNode

ADDRESS = "127.0.0.77"
ABOVE = np.array([0.0, -0.2, 0.2, 0.0])


class StillArm:
    """Answers the soil as the controller's world port does."""

    def __init__(self):
        self.pose, self.forces = ABOVE, []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ADDRESS, PORT))
        self._socket.settimeout(0.05)
        self._running = True
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while self._running:
            try:
                data, address = self._socket.recvfrom(100)
            except TimeoutError:
                continue
            self.forces.append(np.linalg.norm(struct.unpack("<6d", data)[:3]))
            tcp = Cell().base_from_soil @ Pose.from_bucket(self.pose)
            self._socket.sendto(struct.pack("<13d", 0.0, *tcp.rotation_vector(), *[0.0] * 6), address)

    def close(self):
        self._running = False
        self._thread.join()
        self._socket.close()


@pytest.fixture
def arm():
    arm = StillArm()
    yield arm
    arm.close()


@pytest.fixture
def soil(arm):
    arguments = ["-p", f"robot_ip:={ADDRESS}", "-p", "engine:=warp"]
    rclpy.init(args=["--ros-args", *arguments])
    with SnapshotWriter() as snapshots:
        node = SoilWorldNode(snapshots)
        yield node
        node.close()
        node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def ask(soil):
    """Calls a service of the node, which goes on meanwhile."""
    asker = rclpy.create_node("asker")
    executor = SingleThreadedExecutor()
    executor.add_node(asker)
    executor.add_node(soil)

    def call(kind, name, request):
        client = asker.create_client(kind, name)
        assert client.wait_for_service(timeout_sec=10)
        future = client.call_async(request)
        for _ in range(1000):
            executor.spin_once(timeout_sec=0)
            soil.tick()
            if future.done():
                return future.result()
        raise TimeoutError(name)

    yield call
    executor.shutdown()
    asker.destroy_node()


def jam(soil, arm):
    """Push the bucket straight down upon the rock, until it feels it."""
    rock = soil._world.scene.rock.position
    for height in np.arange(rock[2] + 0.1, rock[2] - 0.06, -0.005):
        arm.pose = np.array([rock[0], rock[1], height, 0.0])
        soil.tick()
        if arm.forces[-1] > 50:
            return
    raise AssertionError(f"the bucket met nothing: {max(arm.forces):.1f} N at most")


def test_a_jammed_bucket_is_dug_free_and_the_soil_can_be_reset_once_it_is_out(soil, arm, ask):
    jam(soil, arm)
    for _ in range(5):
        soil.tick()
    assert arm.forces[-1] > 20, "it is not jammed: the force went by itself"
    assert ask(Trigger, "soil_world/clear", Trigger.Request()).success
    before = len(arm.forces)
    for _ in range(10):
        soil.tick()
    assert max(arm.forces[before:]) == 0.0

    again = ResetSoil.Request(environment="cube_gravel", seed=3)
    refused = ask(ResetSoil, "soil_world/reset", again)
    assert not refused.success and "home it first" in refused.message
    before = len(arm.forces)
    soil.tick()
    assert max(arm.forces[before:]) == 0.0, "a refused reset put the jammed bucket back into the soil"

    arm.pose = ABOVE
    assert ask(ResetSoil, "soil_world/reset", again).success
    jam(soil, arm)
