"""The true depth image of a soil box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prpd_task.bucket import Box, BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose, quaternion_rotate
from prpd_task.holder import holder_boxes
from prpd_twin.depth_camera.raycast import Rays, RigidBody, box_mesh
from prpd_twin.depth_camera.spheres import splat
from prpd_twin.snapshot import Scene

BACKGROUND, SOIL, ROCK, BUCKET, ARM = range(5)
SHADOW = 24
"""px beside a body that its stereo shadow and its edges may change."""
Window = tuple[slice, slice]
SPHERE_PER_CUBE = 0.6204
"""Radius of the sphere whose volume is that of a cube of edge 1."""


@dataclass(frozen=True)
class View:
    """A noiseless image."""

    depth: np.ndarray
    """(H, W) float32 m along the optical axis; inf where nothing is."""
    label: np.ndarray
    """(H, W) uint8: BACKGROUND (table and box), SOIL, ROCK, BUCKET or ARM."""
    rock_silhouette: int
    """Pixels that the rock would cover if nothing stood before it."""
    window: Window
    """The part of the image that may differ from the empty box."""

    @property
    def visible_fraction(self) -> float:
        """Of the rock's silhouette."""
        return int((self.label == ROCK).sum()) / self.rock_silhouette if self.rock_silhouette else 0.0


class DepthRenderer:
    """Renders one soil box with one camera; see `render`."""

    def __init__(self, *, scene: Scene, cell: Cell, bucket: BucketGeometry) -> None:
        self.scene = scene
        self._camera_from_soil, intrinsics = cell.soil_from_camera.inverse(), cell.intrinsics
        self._intrinsics = {name: float(getattr(intrinsics, name)) for name in ("fx", "fy", "cx", "cy")}
        self._rays = Rays(width=intrinsics.width, height=intrinsics.height, **self._intrinsics)
        self._rock = RigidBody(scene.rock_vertices, scene.rock_triangles)
        self._bucket = RigidBody(*box_mesh(bucket.boxes()))
        self._arm = RigidBody(*box_mesh(holder_boxes(bucket, cell)))
        self._background = np.full(self._rays.shape, np.inf, np.float32)
        window, depth = RigidBody(*box_mesh(_box_and_table(scene))).cast(self._rays, self._camera_from_soil)
        self._background[window] = depth
        self._window = self._soil_window()

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) px of the image."""
        return self._rays.shape

    def render(self, *, grains: np.ndarray, rock: Pose | None, bucket: Pose | None) -> View:
        """The image of `grains` (G, 3) m in the soil frame, with the rock and the bucket unless they are None."""
        depth, label = self._background.copy(), np.zeros(self._rays.shape, np.uint8)
        rotation = quaternion_rotate(np.array(self._camera_from_soil.quaternion), np.eye(3)).astype(np.float32)
        centres = np.asarray(grains, np.float32) @ rotation + np.array(self._camera_from_soil.position, np.float32)
        splat(depth, centres, SPHERE_PER_CUBE * self.scene.grain_edge, **self._intrinsics)
        label[depth < self._background] = SOIL
        silhouette, window = 0, self._window
        bodies = [(self._rock, rock, ROCK), (self._bucket, bucket, BUCKET), (self._arm, bucket, ARM)]
        for body, pose, name in bodies:
            if pose is None:
                continue
            part, body_depth = body.cast(self._rays, self._camera_from_soil @ pose)
            front = body_depth < depth[part]
            depth[part][front] = body_depth[front]
            label[part][front] = name
            silhouette += int(np.isfinite(body_depth).sum()) if name == ROCK else 0
            window = _union(window, part, SHADOW, self.shape)
        return View(depth, label, silhouette, window)

    def _soil_window(self) -> Window:
        """The part of the image that soil in the box or heaped on it can change."""
        x, y, depth = self.scene.box_size
        low, high = (-x / 2 - 0.04, -y / 2 - 0.04, -depth), (x / 2 + 0.04, y / 2 + 0.04, 0.08)
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        attitude = np.array(self._camera_from_soil.quaternion)
        return self._rays.window(quaternion_rotate(attitude, corners) + self._camera_from_soil.position, margin=8)


def _union(first: Window, second: Window, border: int, shape: tuple[int, int]) -> Window:
    """The smallest window around both, the second one widened by `border` px."""
    if any(s.start >= s.stop for s in second):
        return first
    rows, columns = (
        slice(min(a.start, max(b.start - border, 0)), max(a.stop, min(b.stop + border, size)))
        for a, b, size in zip(first, second, shape, strict=True)
    )
    return rows, columns


def _box_and_table(scene: Scene) -> list[Box]:
    x, y, depth = scene.box_size
    t, height = scene.wall_thickness, depth + scene.wall_height
    middle = (scene.wall_height - depth) / 2
    walls = [Box(f"wall_x{s}", (s * (x + t) / 2, 0.0, middle), (t, y + 2 * t, height)) for s in (-1, 1)]
    walls += [Box(f"wall_y{s}", (0.0, s * (y + t) / 2, middle), (x, t, height)) for s in (-1, 1)]
    return [*walls, Box("table", (0.0, 0.0, -depth - 0.01), (1.6, 1.6, 0.02))]
