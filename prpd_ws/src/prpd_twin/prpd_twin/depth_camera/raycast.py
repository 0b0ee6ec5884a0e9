"""Ray casting of rigid bodies with Open3D."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType

import numpy as np

from prpd_task.bucket import Box
from prpd_task.frames import Pose, quaternion_rotate

_CUBE = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_CUBE_TRIANGLES = np.array(
    [
        [0, 1, 3],
        [0, 3, 2],
        [4, 6, 7],
        [4, 7, 5],
        [0, 4, 5],
        [0, 5, 1],
        [2, 3, 7],
        [2, 7, 6],
        [0, 2, 6],
        [0, 6, 4],
        [1, 5, 7],
        [1, 7, 3],
    ]
)


@lru_cache(maxsize=1)
def open3d() -> ModuleType:
    """The library, imported when first needed.

    Its binary wants libusb-1.0, which a bare system lacks; the package `libusb-package` carries one.
    """
    try:
        ctypes.CDLL("libusb-1.0.so.0", mode=ctypes.RTLD_GLOBAL)
    except OSError:
        import libusb_package

        ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
    import open3d

    return open3d


def box_mesh(boxes: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) m and triangles (T, 3) of boxes, in the frame in which the boxes are given."""
    vertices, triangles = [], []
    for i, box in enumerate(boxes):
        turn = np.array([np.sin(box.pitch / 2), 0.0, 0.0, np.cos(box.pitch / 2)])
        vertices.append(quaternion_rotate(turn, _CUBE * box.size) + box.centre)
        triangles.append(_CUBE_TRIANGLES + 8 * i)
    return np.concatenate(vertices), np.concatenate(triangles)


class Rays:
    """The rays of a pinhole camera, with z forward of length 1: what they travel is the depth."""

    def __init__(self, *, width: int, height: int, fx: float, fy: float, cx: float, cy: float) -> None:
        v, u = np.mgrid[0:height, 0:width].astype(np.float32)
        self.shape = (height, width)
        self.intrinsics = (fx, fy, cx, cy)
        self.directions = np.stack([(u - cx) / fx, (v - cy) / fy, np.ones_like(u)], -1)

    def window(self, points: np.ndarray, margin: int = 2) -> tuple[slice, slice]:
        """Rows and columns that contain the projections of `points` (N, 3), in the camera frame."""
        fx, fy, cx, cy = self.intrinsics
        height, width = self.shape
        if points[:, 2].min() < 0.02:
            return slice(0, height), slice(0, width)
        u, v = fx * points[:, 0] / points[:, 2] + cx, fy * points[:, 1] / points[:, 2] + cy
        top, bottom = np.clip([v.min() - margin, v.max() + margin + 1], 0, height).astype(int)
        left, right = np.clip([u.min() - margin, u.max() + margin + 1], 0, width).astype(int)
        return slice(top, bottom), slice(left, right)


class RigidBody:
    """A mesh that is cast in its own frame, so that its motion costs nothing."""

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        o3d = open3d()
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self._scene.add_triangles(
            o3d.core.Tensor(np.ascontiguousarray(vertices, np.float32)),
            o3d.core.Tensor(np.ascontiguousarray(triangles, np.uint32)),
        )
        low, high = vertices.min(0), vertices.max(0)
        self._corners = low + (_CUBE + 0.5) * (high - low)

    def cast(self, rays: Rays, camera_from_body: Pose) -> tuple[tuple[slice, slice], np.ndarray]:
        """The window that the body may cover, and its depth there in m (inf beside it)."""
        attitude, position = np.array(camera_from_body.quaternion), np.array(camera_from_body.position)
        window = rays.window(quaternion_rotate(attitude, self._corners) + position)
        directions = rays.directions[window]
        if directions.size == 0:
            return window, np.zeros(directions.shape[:2], np.float32)
        body_from_camera = camera_from_body.inverse()
        matrix = _matrix(body_from_camera.quaternion)
        batch = np.empty(directions.shape[:2] + (6,), np.float32)
        batch[..., :3] = body_from_camera.position
        np.matmul(directions, matrix.T.astype(np.float32), out=batch[..., 3:])
        return window, self._scene.cast_rays(open3d().core.Tensor(batch), nthreads=1)["t_hit"].numpy()


def _matrix(quaternion: Sequence[float]) -> np.ndarray:
    return quaternion_rotate(np.asarray(quaternion), np.eye(3)).T
