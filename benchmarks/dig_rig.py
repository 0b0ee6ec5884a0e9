"""The driver's rig with the whole graph around it: camera, perception and the excavation node, which runs a policy.

The soil stands still; a policy that moves the bucket in a circle above it at an even speed keeps the arm in motion.
"""

from __future__ import annotations

import os
import random
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import onnx
from driver_rig import PERIOD, Poses, Rig, end_node, start_node
from onnx import TensorProto, helper, numpy_helper
from rclpy.action import ActionClient
from rclpy.task import Future
from still_bed import ROCK, still_bed

from prpd_interfaces.action import Excavate
from prpd_interfaces.msg import BucketState, PolicyStatus, RockState
from prpd_task.contract import METADATA_KEY, Contract
from prpd_task.frames import Pose
from prpd_task.spec import TaskSpec
from prpd_twin.snapshot import SnapshotWriter

TASK = TaskSpec()
RADIUS, STEP = 0.05, 0.018
"""m, of the circle, and of one action."""
CAMERA_RATE = 12.0
"""Hz; enough for observations that are fresh, and little enough for two cores."""


def write_circle(path: Path) -> None:
    """A policy (ONNX) whose targets go round in the y-z plane; the start pose is the circle's lowest point."""
    y, z = TASK.start_pose[1], TASK.start_pose[2] + RADIUS
    angle = 2 * np.arcsin(STEP / (2 * RADIUS))
    turn = np.array([[np.cos(angle) - 1, -np.sin(angle)], [np.sin(angle), np.cos(angle) - 1]]) / TASK.action_scale[1]
    weights = np.zeros((8, 4), np.float32)
    weights[1:3, 1:3] = turn.T
    bias = np.zeros(4, np.float32)
    bias[1:3] = -turn @ (y, z)
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(bias, "b")]
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["observation", "w", "b"], ["action"])],
        "circle",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["batch", 4])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    low, high = (-0.3, -0.5, -0.2, -0.8, -0.3, -0.3, -0.3, 0.0), (0.3, 0.3, 0.4, 1.0, 0.3, 0.3, 0.4, 1.0)
    helper.set_model_props(model, {METADATA_KEY: Contract(TASK, low, high, {"engine": "none: a circle"}).to_json()})
    onnx.save(model, path)


class StillSoil:
    """A bed with a rock on it, and the bucket where it is, for the camera to see."""

    def __init__(self, path: Path) -> None:
        scene, self._grains = still_bed()
        self._writer = SnapshotWriter(path)
        self._writer.write_scene(scene)

    def write(self, state: BucketState | None) -> None:
        """One snapshot, now."""
        bucket = (0.0, -0.33, 0.25, 0.0)
        if state is not None:
            at = state.pose.position
            bucket = (at.x, at.y, at.z, state.pitch)
        self._writer.write(stamp_ns=time.time_ns(), grains=self._grains, rock=ROCK, bucket=Pose.from_bucket(bucket))

    def close(self) -> None:
        """Remove it."""
        self._writer.close()


class DigRig(Rig):
    """Rig with the graph around it."""

    def __init__(self, address: str, *, domain: int) -> None:
        super().__init__(address, domain=domain)
        self._folder = tempfile.TemporaryDirectory()
        policy, snapshot = Path(self._folder.name) / "circle.onnx", Path(self._folder.name) / "soil"
        write_circle(policy)
        self._soil = StillSoil(snapshot)
        self._steps, self._stepped = 0, 0.0
        self._result: Future | None = None
        self.seen = 0.0
        """s, monotonic: stamp of the last usable rock state."""
        self.node.create_subscription(RockState, "rock/state", self._on_rock, 10)
        self.node.create_subscription(PolicyStatus, "policy/status", self._on_step, 10)
        self._client = ActionClient(self.node, Excavate, "excavate")
        self._ended = threading.Event()
        self._painter = threading.Thread(target=self._paint, daemon=True)
        self._painter.start()
        camera = (f"snapshot:={snapshot}", f"rate:={CAMERA_RATE}")
        self.camera = start_node("prpd_twin.depth_camera.node", camera)
        self.perception = start_node("prpd_perception.node", ())
        self.excavate = start_node("prpd_control.excavate.node", (f"policy:={policy}",))
        for process in (self.camera, self.perception):  # less urgent than the arm, as in the graph
            os.setpriority(os.PRIO_PROCESS, process.pid, 0)
        self.activate("excavate")

    def _paint(self) -> None:
        while not self._ended.wait(1 / 25):
            self._soil.write(self.state)

    def _on_rock(self, rock: RockState) -> None:
        if rock.status in (RockState.STATUS_OK, RockState.STATUS_OCCLUDED):
            stamp = rock.header.stamp.sec + rock.header.stamp.nanosec * 1e-9
            self.seen = stamp - (time.time() - time.monotonic())

    def _on_step(self, status: PolicyStatus) -> None:
        self._steps, self._stepped = status.step + 1, time.monotonic()

    def move(self, rng: random.Random) -> Poses | None:
        """Let the policy dig, for a random time."""
        self.until(lambda: time.monotonic() - self.seen < 0.5, 90.0, "perception sees the rock, less than 0.5 s late")
        self._steps, self._result = 0, None
        accepted = self._client.send_goal_async(Excavate.Goal(hold=True))
        self.until(accepted.done, 10.0, "the excavate node answers")
        if not accepted.result().accepted:
            return None
        self._result = accepted.result().get_result_async()
        steps = rng.randint(8, 25)
        self.until(lambda: self._steps >= steps or self._over, 90.0, "the policy digs")
        self.states.clear()
        self.spin(PERIOD * rng.random())
        return None if self._over else iter(())

    @property
    def _over(self) -> bool:
        return self._result is not None and self._result.done()

    def next_step_due(self) -> float:
        """S, monotonic: when a step of the policy was due for which there was no observation; waits for the end."""
        self.until(lambda: self._over, 10.0, "the excavation ends")
        return self._stepped + PERIOD

    def told(self, since: float) -> str:
        """The excavation's result."""
        if self._result is None or not self._result.done():
            return ""
        result = self._result.result().result
        return f"{result.reason}: {result.message}"

    def close(self) -> None:
        """End everything."""
        self._ended.set()
        self._painter.join()
        for process in (self.excavate, self.perception, self.camera):
            end_node(process)
        super().close()
        self._soil.close()
        self._folder.cleanup()
