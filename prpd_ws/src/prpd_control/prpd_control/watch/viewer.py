"""`viewer`: arm, soil, rock estimate against truth, and the policy's inputs and outputs, live in the browser."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import viser
from rclpy.node import Node
from sensor_msgs.msg import JointState

from prpd_control.excavate.readings import UNKNOWN_ROCK_SIZE, RockStatus
from prpd_control.modes import Mode
from prpd_control.watch.arm_shapes import ArmShapes
from prpd_interfaces.msg import BucketState, PolicyStatus, RockState, SoilState
from prpd_ros.process import spin
from prpd_task.cell import Cell
from prpd_task.errors import UserError
from prpd_task.frames import Pose

PERIOD = 0.1
"""s, between two pictures: watching must not cost the graph its processor."""
GROUND_BELOW_SOIL = 0.14
"""m, where the grid is drawn: just below the box's floor."""
SAND, ARM, ESTIMATE, TRUTH = (204, 178, 128), (150, 160, 170), (230, 90, 60), (60, 140, 90)


class ViewerNode(Node):
    """Draws the newest messages; grains and the rock's surface come from the twin's snapshot where there is one."""

    def __init__(self) -> None:
        super().__init__("viewer")
        cell_path = self.declare_parameter("cell", "").value
        port = self.declare_parameter("port", 8080).value
        self._cell = Cell.load(cell_path) if cell_path else Cell()
        try:
            with redirect_stdout(io.StringIO()):  # its own banner, which says less than the log line below
                self._server = viser.ViserServer(host="127.0.0.1", port=port, label="PRPD", verbose=False)
        except OSError as error:
            raise UserError(f"port {port} is taken ({error}); set the parameter `port` to another one") from error
        self._newest: dict[str, Any] = {}
        for kind, topic in (
            (JointState, "joint_states"),
            (BucketState, "bucket/state"),
            (RockState, "rock/state"),
            (SoilState, "soil/state"),
            (PolicyStatus, "policy/status"),
        ):
            self.create_subscription(kind, topic, lambda m, t=topic: self._newest.__setitem__(t, m), 1)
        self._build_scene()
        self._snapshots = _snapshot_reader()
        self._revision = -1
        self.create_timer(PERIOD, self._draw)
        self.get_logger().info(f"open http://127.0.0.1:{self._server.get_port()}")

    def _build_scene(self) -> None:
        scene, gui = self._server.scene, self._server.gui
        scene.set_up_direction("+z")
        soil = self._cell.base_link_from_soil
        self._look_at_box()
        scene.add_frame("/soil", axes_length=0.08, axes_radius=0.002, position=soil.position, wxyz=_wxyz(soil))
        self._arm = ArmShapes(self._cell)
        self._arm_handles = []
        for i, shape in enumerate(self._arm.shapes):
            name = f"/arm/{i}_{shape.name}"
            if shape.kind == "box":
                handle: Any = scene.add_box(name, color=ARM, dimensions=np.array(shape.size))
            else:
                handle = scene.add_cylinder(name, radius=shape.size[0], height=shape.size[1], color=ARM)
            self._arm_handles.append(handle)
        self._estimate = scene.add_box("/soil/estimate", color=ESTIMATE, opacity=0.5, visible=False)
        self._truth = scene.add_frame("/soil/truth", show_axes=False, visible=False)
        gui.add_markdown(f"rock: {_coloured('as perceived', ESTIMATE)}, {_coloured('as it is', TRUTH)}")
        self._state = gui.add_markdown("waiting for the graph")
        self._policy = gui.add_markdown("")

    def _look_at_box(self) -> None:
        """From the side that the arm leaves free, near enough to see grains."""
        x, y, z = self._cell.base_link_from_soil.position
        camera = self._server.initial_camera
        camera.look_at, camera.position = (x, y, z + 0.1), (1.6 * x, 1.6 * y - 0.8, z + 0.7)
        size = 4.0
        self._server.scene.add_grid(
            "/ground", size, size, cell_size=0.1, section_size=0.5, position=(x, y, z - GROUND_BELOW_SOIL)
        )

    def _draw(self) -> None:
        joints = self._newest.get("joint_states")
        with self._server.atomic():
            if joints is not None:
                poses = self._arm.poses(list(joints.name), list(joints.position))
                for handle, pose in zip(self._arm_handles, poses, strict=True):
                    handle.position, handle.wxyz = pose.position, _wxyz(pose)
            self._draw_estimate(self._newest.get("rock/state"))
            self._draw_snapshot()
        self._state.content = state_text(
            self._newest.get("bucket/state"), self._newest.get("rock/state"), self._newest.get("soil/state")
        )
        self._policy.content = policy_text(self._newest.get("policy/status"))

    def _draw_estimate(self, rock: RockState | None) -> None:
        if rock is None or rock.status not in (RockState.STATUS_OK, RockState.STATUS_OCCLUDED):
            self._estimate.visible = False
            return
        p, q, s = rock.pose.pose.position, rock.pose.pose.orientation, rock.size
        self._estimate.position, self._estimate.wxyz = (p.x, p.y, p.z), (q.w, q.x, q.y, q.z)
        x, y, z = (v if v > 0 else UNKNOWN_ROCK_SIZE for v in (s.x, s.y, s.z))
        self._estimate.scale = (x, y, z)
        self._estimate.visible = True

    def _draw_snapshot(self) -> None:
        snapshot = self._snapshots.read() if self._snapshots is not None else None
        if snapshot is None:
            return
        scene = self._server.scene
        fixed = self._snapshots.scene()
        if fixed is not None and snapshot.scene_revision != self._revision:
            self._revision = snapshot.scene_revision
            scene.add_mesh_simple("/soil/truth/rock", fixed.rock_vertices, fixed.rock_triangles, color=TRUTH)
            self._grain_edge = fixed.grain_edge
        self._truth.position, self._truth.wxyz = snapshot.rock.position, _wxyz(snapshot.rock)
        self._truth.visible = True
        if self._revision >= 0:
            edge = self._grain_edge
            scene.add_point_cloud("/soil/grains", snapshot.grains, SAND, point_size=edge / 2, point_shape="circle")

    def close(self) -> None:
        """Close the web server."""
        self._server.stop()


def state_text(bucket: BucketState | None, rock: RockState | None, soil: SoilState | None) -> str:
    """Bucket, estimate and truth in words, Markdown."""
    lines = []
    if bucket is not None:
        f = bucket.wrench.force
        force = float(np.linalg.norm([f.x, f.y, f.z]))
        lines.append(f"**bucket** {Mode(bucket.mode).name.lower()}, {force:.0f} N {bucket.reason}")
    if rock is not None:
        status = RockStatus(rock.status).name.lower()
        belief = f"{rock.confidence:.0%} sure, {rock.visible_fraction:.0%} visible, in bucket {rock.in_bucket:.0%}"
        lines.append(f"**rock** {status}, {belief} {rock.message}")
    if soil is not None:
        truth = "excavated" if soil.success else "in the bucket" if soil.in_bucket else "not in the bucket"
        lines.append(f"**truth** {soil.environment}: {truth}; real-time factor {soil.real_time_factor:.2f}")
    return "\n\n".join(lines) or "waiting for the graph"


def policy_text(status: PolicyStatus | None) -> str:
    """A table of the policy's inputs and outputs, Markdown."""
    if status is None:
        return "the policy has not acted yet"
    rows = [f"| {n} | {v:.3f} |" for n, v in zip(status.observation_names, status.observation, strict=True)]
    rows += [f"| **action {n}** | {v:+.2f} |" for n, v in zip(("x", "y", "z", "pitch"), status.action, strict=True)]
    times = f"inference {status.inference_ms:.2f} ms, observation {status.observation_age_ms:.0f} ms old"
    return f"**policy** step {status.step}, {times}\n\n| | |\n|---|---|\n" + "\n".join(rows)


def _snapshot_reader() -> Any:
    """Of the twin's soil; None where the twin is not installed."""
    try:
        from prpd_twin.snapshot import SnapshotReader
    except ImportError:
        return None
    return SnapshotReader()


def _coloured(text: str, colour: tuple[int, int, int]) -> str:
    return f"<span style='color:rgb{colour}'>{text}</span>"


def _wxyz(pose: Pose) -> tuple[float, float, float, float]:
    x, y, z, w = pose.quaternion
    return (w, x, y, z)


def main() -> int:
    """Entry point of the process."""
    return spin(ViewerNode)


if __name__ == "__main__":
    sys.exit(main())
