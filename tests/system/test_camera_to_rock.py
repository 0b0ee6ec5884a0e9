"""The virtual camera and the perception node as processes: a snapshot goes in, a rock state comes out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("prpd_interfaces.msg", reason="the interfaces are not built; run ./prpd build")
import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from prpd_interfaces.msg import BucketState, RockState
from prpd_task.frames import Pose
from prpd_twin.depth_camera.random_soil import Ground, without
from prpd_twin.depth_camera.rocks import random_rock
from prpd_twin.snapshot import Scene, SnapshotWriter

pytestmark = pytest.mark.system
DOMAIN = "87"
ROCK = Pose.from_rpy((0.02, 0.01, 0.01), yaw=0.4)


class Observer(Node):
    def __init__(self) -> None:
        super().__init__("observer")
        self.states: list[RockState] = []
        self.create_subscription(RockState, "rock/state", self.states.append, 10)
        self.bucket = self.create_publisher(BucketState, "bucket/state", 10)


class Soil:
    """A still bed, written at 30 Hz for as long as `alive`."""

    def __init__(self, writer: SnapshotWriter) -> None:
        rng, edge = np.random.default_rng(3), 0.01
        vertices, triangles = random_rock(rng, kind="cube", edge=0.05)
        box = (0.24, 0.28, 0.10)
        bed = Ground(rng, box, mean=0.0, relief=0.002).grains(rng, edge)
        self._grains = without(bed, ROCK, vertices, triangles, 0.35 * edge).astype(np.float32)
        self._writer, self.alive = writer, True
        self.stamps: set[int] = set()
        """ns, of all that was written."""
        writer.write_scene(Scene(box, 0.02, edge, vertices, triangles))

    def tick(self, observer: Observer) -> None:
        now = observer.get_clock().now()
        if self.alive:
            away = Pose.from_bucket((0.0, -0.33, 0.25, 0.0))
            self.stamps.add(now.nanoseconds)
            self._writer.write(stamp_ns=now.nanoseconds, grains=self._grains, rock=ROCK, bucket=away)
        state = BucketState(mode=BucketState.MODE_IDLE)
        state.header.stamp = now.to_msg()
        state.pose.position.y, state.pose.position.z = -0.33, 0.25
        observer.bucket.publish(state)


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Observer, Soil]]:
    monkeypatch.setenv("ROS_DOMAIN_ID", DOMAIN)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    observer = Observer()
    commands = (
        ("prpd_twin.depth_camera.node", ["-p", f"snapshot:={tmp_path / 'soil'}"]),
        ("prpd_perception.node", []),
    )
    run = "import sys, importlib; sys.exit(importlib.import_module(sys.argv[1]).main())"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", run, module, "--ros-args", *extra], env=os.environ | {"ROS_DOMAIN_ID": DOMAIN}
        )
        for module, extra in commands
    ]
    with SnapshotWriter(tmp_path / "soil") as writer:
        yield observer, Soil(writer)
    for process in processes:
        process.send_signal(signal.SIGINT)
    codes = [process.wait(timeout=20) for process in processes]
    observer.destroy_node()
    rclpy.shutdown()
    assert codes == [0, 0]


def wait_for(observer: Observer, soil: Soil, condition: Callable[[RockState], bool], *, patience: float) -> RockState:
    deadline, last = time.monotonic() + patience, None
    while time.monotonic() < deadline:
        soil.tick(observer)
        rclpy.spin_once(observer, timeout_sec=1 / 30)
        while observer.states:
            last = observer.states.pop(0)
            if condition(last):
                return last
    raise AssertionError(f"not within {patience} s; the last state was {last}")


def stamp_ns(state: RockState) -> int:
    return state.header.stamp.sec * 10**9 + state.header.stamp.nanosec


def test_the_rock_is_seen_and_a_silent_camera_is_reported(graph: tuple[Observer, Soil]) -> None:
    observer, soil = graph
    state = wait_for(observer, soil, lambda s: s.status == RockState.STATUS_OK, patience=90)
    p = state.pose.pose.position
    assert np.linalg.norm(np.subtract((p.x, p.y, p.z), ROCK.position)) < 0.02
    # How old it is depends on the machine's load; that its stamp is an image's own does not.
    assert stamp_ns(state) in soil.stamps and state.header.frame_id == "soil"
    soil.alive = False
    stale = wait_for(observer, soil, lambda s: s.status == RockState.STATUS_STALE_IMAGE, patience=60)
    assert "no depth image" in stale.message and stale.confidence == 0.0
    assert stamp_ns(stale) in soil.stamps
    soil.alive, last = True, max(soil.stamps)
    back = wait_for(observer, soil, lambda s: s.status == RockState.STATUS_OK and stamp_ns(s) > last, patience=60)
    assert stamp_ns(back) in soil.stamps
