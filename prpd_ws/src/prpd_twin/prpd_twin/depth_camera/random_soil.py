"""Random soil: a surface with relief, grains on it, grains in a bucket."""

from __future__ import annotations

import cv2
import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.frames import Pose, bucket_to_soil, quaternion_rotate, soil_to_bucket
from prpd_twin.depth_camera.raycast import open3d


class Ground:
    """A random soil surface over the box."""

    def __init__(
        self, rng: np.random.Generator, box: tuple[float, float, float], *, mean: float, relief: float
    ) -> None:
        self._box, self._step = box, 0.005
        shape = (int(box[0] / self._step) + 2, int(box[1] / self._step) + 2)
        rough = cv2.GaussianBlur(rng.standard_normal(shape), (0, 0), rng.uniform(5, 14), borderType=cv2.BORDER_REFLECT)
        z = mean + relief * rough / max(rough.std(), 1e-9)
        if rng.random() < 0.4:
            x, y = np.mgrid[0 : shape[0], 0 : shape[1]] * self._step
            cx, cy, wx, wy = rng.uniform(0, box[0]), rng.uniform(0, box[1]), *rng.uniform(0.02, 0.09, 2)
            z = z - rng.uniform(0.01, 0.06) * np.exp(-((((x - cx) / wx) ** 2 + ((y - cy) / wy) ** 2) ** 2))
        self._z = np.clip(cv2.GaussianBlur(z, (0, 0), 1.5, borderType=cv2.BORDER_REFLECT), -box[2] + 0.015, 0.06)

    def height(self, x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray:
        """m, of the surface at (x, y)."""
        i = np.clip(((np.asarray(x) + self._box[0] / 2) / self._step).astype(int), 0, self._z.shape[0] - 1)
        j = np.clip(((np.asarray(y) + self._box[1] / 2) / self._step).astype(int), 0, self._z.shape[1] - 1)
        return self._z[i, j]

    def grains(self, rng: np.random.Generator, edge: float) -> np.ndarray:
        """Centres of the four uppermost layers, and of some loose grains on top."""
        half = np.array(self._box[:2]) / 2 - edge / 2
        spacing = 0.95 * edge
        x, y = np.meshgrid(np.arange(-half[0], half[0], spacing), np.arange(-half[1], half[1], spacing), indexing="ij")
        layers = []
        for k in range(5):
            xy = np.stack([x, y], -1).reshape(-1, 2) + rng.normal(0, 0.3 * edge, (x.size, 2))
            if k == 4:
                xy = xy[rng.random(len(xy)) < rng.uniform(0, 0.5)]
            xy = np.clip(xy, -half, half)
            level = 0.3 if k == 4 else -(k + 0.5)
            z = self.height(xy[:, 0], xy[:, 1]) + level * edge + rng.normal(0, 0.15 * edge, len(xy))
            layers.append(np.column_stack([xy, z]))
        return np.concatenate(layers)


def bowl_load(rng: np.random.Generator, geometry: BucketGeometry, bucket: np.ndarray, edge: float) -> np.ndarray:
    """Grains that a solid bucket carries."""
    half = np.array([geometry.width, geometry.length]) / 2 - edge / 2
    number = int(4 * half[0] * half[1] / edge**2)
    fill = rng.uniform(0.005, 0.04)
    points = []
    for z in np.arange(edge / 2, fill, edge):
        xy = rng.uniform(-half, half, (number, 2))
        keep = z < fill * (1 - np.abs(xy[:, 1] / half[1]) * rng.uniform(0, 1))
        points.append(np.column_stack([xy, np.full(number, z)])[keep])
    return bucket_to_soil(bucket, np.concatenate(points)) if points else np.zeros((0, 3))


def without(
    grains: np.ndarray, rock: Pose | None, vertices: np.ndarray, triangles: np.ndarray, gap: float
) -> np.ndarray:
    """Grains that do not overlap the rock."""
    if rock is None:
        return grains
    o3d = open3d()
    near = np.linalg.norm(grains - rock.position, axis=1) < np.linalg.norm(vertices, axis=1).max() + gap
    back = rock.inverse()
    local = quaternion_rotate(np.array(back.quaternion), grains[near]) + back.position
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(triangles.astype(np.uint32)))
    distance = scene.compute_signed_distance(o3d.core.Tensor(local.astype(np.float32)), nthreads=1).numpy()
    keep = np.ones(len(grains), bool)
    keep[np.flatnonzero(near)[distance < gap]] = False
    return grains[keep]


def in_plates(geometry: BucketGeometry, bucket: np.ndarray, points: np.ndarray, gap: float) -> np.ndarray:
    """Which points (N, 3) m are within `gap` m of a piece of the bucket."""
    local = soil_to_bucket(bucket, points)
    hit = np.zeros(len(points), bool)
    for box in geometry.boxes():
        hit |= (np.abs(local - box.centre) < np.array(box.size) / 2 + gap).all(1)
    return hit


def touches(geometry: BucketGeometry, bucket: np.ndarray, points: np.ndarray) -> bool:
    """Whether any of the points (N, 3) m lies in the box around the bucket."""
    low, high = geometry.bounds()
    local = soil_to_bucket(bucket, points)
    return bool(((local > low) & (local < high)).all(1).any())
