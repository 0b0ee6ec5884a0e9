"""Labelled depth images of random soil boxes: heaps, craters, rocks at any burial, buckets that dig or carry.

The soil is drawn, not simulated: surface and grains follow no physics, but vary more than any physics would let them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell, look_at
from prpd_task.frames import Pose, quaternion_rotate, soil_to_bucket
from prpd_twin.depth_camera.noise import DepthNoise, NoiseModel
from prpd_twin.depth_camera.random_soil import Ground, bowl_load, in_plates, touches, without
from prpd_twin.depth_camera.renderer import ARM, ROCK, DepthRenderer, View, Window
from prpd_twin.depth_camera.rocks import KINDS, random_rock, voxelised
from prpd_twin.snapshot import Scene

SITUATIONS = ("bed", "approach", "dig", "carry", "empty_bucket")


@dataclass(frozen=True)
class SceneRanges:
    """What is drawn, uniformly. Lengths in m, angles in rad."""

    rock_share: float = 0.75
    """Of the frames that contain a rock."""
    rock_edge: tuple[float, float] = (0.045, 0.055)
    voxel_share: float = 0.3
    """Of the rocks that are clusters of cubes, as a simulator may have them."""
    rock_depth: tuple[float, float] = (-0.045, 0.030)
    """Height of the rock's centre over the soil around it."""
    grain_edge: tuple[float, float] = (0.004, 0.020)
    surface: tuple[float, float] = (-0.025, 0.025)
    """Mean height of the soil."""
    relief: tuple[float, float] = (0.0, 0.025)
    """Standard deviation of the soil's height."""
    box_x: tuple[float, float] = (0.16, 0.26)
    box_y: tuple[float, float] = (0.16, 0.30)
    camera_shift: float = 0.04
    """Either way, of the camera's true position and of its target."""
    calibration_error: tuple[float, float] = (0.001, 0.002)
    """m and rad, standard deviation of what the estimator believes of the camera."""
    bucket_error: tuple[float, float] = (0.001, 0.004)
    """m and rad, standard deviation of the measured bucket pose."""
    noise_scale: tuple[float, float] = (0.5, 1.5)
    """Of the axial noise of the noise model."""
    intruder_share: float = 0.05
    """Of the frames in which something else, such as a hand, reaches into the box."""


@dataclass(frozen=True)
class Frame:
    """An image with what is really there and what the estimator is told."""

    depth: np.ndarray
    """(H, W) uint16 mm, 0 for holes."""
    rock_mask: np.ndarray
    """(H, W) bool, where the rock is visible."""
    cell: Cell
    """What is believed of the camera."""
    bucket_geometry: BucketGeometry
    bucket_pose: np.ndarray | None
    """(4,) as measured; None if no bucket is near."""
    rock_position: np.ndarray | None
    """(3,) m true centre in the soil frame; None without a rock."""
    rock_in_bucket: bool
    visible_fraction: float
    kind: str
    situation: str
    grain_edge: float


class RandomFrames:
    """Draws frames; the same seed gives the same frames."""

    def __init__(
        self,
        seed: int | list[int],
        ranges: SceneRanges | None = None,
        noise: NoiseModel | None = None,
        *,
        watched: Callable[[Cell, np.ndarray | None], Window] | None = None,
    ) -> None:
        """`watched` says for a camera and a bucket pose which part of the image is drawn; without it, all of it."""
        self._rng = np.random.default_rng(seed)
        self._ranges = ranges or SceneRanges()
        self._noise_model = noise or NoiseModel()
        self._watched = watched
        self._noise = DepthNoise(self._noise_model, fx=Cell().intrinsics.fx, shape=(480, 640), seed=seed)

    def draw(self) -> Frame:
        """A random frame."""
        return self.exposures(1)[0]

    def exposures(self, number: int) -> list[Frame]:
        """Several frames of one random scene at rest: only the noise differs."""
        rng, ranges = self._rng, self._ranges
        geometry = BucketGeometry(shape="fork" if rng.random() < 0.7 else "solid")
        situation = str(rng.choice(SITUATIONS, p=(0.35, 0.15, 0.2, 0.2, 0.1)))
        box = (rng.uniform(*ranges.box_x), rng.uniform(*ranges.box_y), 0.10)
        edge = float(np.exp(rng.uniform(*np.log(ranges.grain_edge))))
        kind = str(rng.choice(KINDS))
        vertices, triangles = random_rock(rng, kind=kind, edge=rng.uniform(*ranges.rock_edge))
        if rng.random() < ranges.voxel_share:
            vertices, triangles = voxelised(vertices, triangles, spacing=rng.uniform(0.006, 0.018))
        ground = Ground(rng, box, mean=rng.uniform(*ranges.surface), relief=rng.uniform(*ranges.relief))
        has_rock = rng.random() < ranges.rock_share
        bucket = self._bucket_pose(situation, box, ground)
        rock = self._rock_pose(situation, vertices, box, ground, bucket, geometry) if has_rock else None
        grains = [ground.grains(rng, edge)]
        if (
            bucket is not None
            and geometry.shape == "solid"
            and situation in ("carry", "empty_bucket")
            and rng.random() < 0.6
        ):
            grains.append(bowl_load(rng, geometry, bucket, edge))
        bed = without(np.concatenate(grains), rock, vertices, triangles, 0.35 * edge)
        if bucket is not None and geometry.shape == "solid":
            bed = bed[~in_plates(geometry, bucket, bed, 0.3 * edge)]
        true_cell = self._jittered(Cell(), ranges.camera_shift)
        if self._watched:
            true_cell = _cropped(true_cell, self._watched(true_cell, bucket))
        walls = 0.5 if rng.random() < 0.4 else rng.uniform(0.005, 0.03)
        scene = Scene(box, float(rng.uniform(0.0, 0.03)), edge, vertices, triangles, wall_thickness=float(walls))
        renderer = DepthRenderer(scene=scene, cell=true_cell, bucket=geometry)
        soil_from_bucket = None if bucket is None else Pose.from_bucket(bucket)
        view = renderer.render(grains=bed, rock=rock, bucket=soil_from_bucket)
        if rng.random() < ranges.intruder_share:
            view = _with_intruder(rng, view)
        self._noise.model = replace(self._noise_model, axial=self._noise_model.axial * rng.uniform(*ranges.noise_scale))
        centre = None if rock is None else np.array(rock.position)
        inside = centre is not None and bucket is not None and bool(geometry.contains(soil_to_bucket(bucket, centre)))
        believed, offset = self._believed(true_cell), self._bucket_error()
        return [
            Frame(
                depth=self._noise.exposed(view.depth, view.window),
                rock_mask=view.label == ROCK,
                cell=believed,
                bucket_geometry=geometry,
                bucket_pose=None if bucket is None else bucket + offset,
                rock_position=centre,
                rock_in_bucket=inside,
                visible_fraction=view.visible_fraction,
                kind=kind,
                situation=situation,
                grain_edge=edge,
            )
            for _ in range(number)
        ]

    def _bucket_pose(self, situation: str, box: tuple[float, float, float], ground: Ground) -> np.ndarray | None:
        rng = self._rng
        x = rng.uniform(-0.3, 0.3) * box[0]
        if situation == "bed":
            return None if rng.random() < 0.5 else np.array([x, rng.uniform(-0.40, -0.25), rng.uniform(0.15, 0.3), 0.0])
        if situation == "approach":
            return np.array([x, rng.uniform(-0.25, 0.1), rng.uniform(0.04, 0.25), rng.uniform(-0.5, 0.3)])
        if situation == "dig":
            return np.array([x, rng.uniform(-0.15, 0.06), rng.uniform(-0.08, 0.03), rng.uniform(-0.5, 0.5)])
        low = -0.05 if rng.random() < 0.3 else 0.02
        return np.array([x, rng.uniform(-0.2, 0.15), rng.uniform(low, 0.3), rng.uniform(-0.1, 0.8)])

    def _rock_pose(
        self,
        situation: str,
        vertices: np.ndarray,
        box: tuple[float, float, float],
        ground: Ground,
        bucket: np.ndarray | None,
        geometry: BucketGeometry,
    ) -> Pose:
        rng = self._rng
        attitude = _random_attitude(rng)
        extent = quaternion_rotate(attitude, vertices)
        if situation == "carry" and bucket is not None:
            room = np.maximum((np.array([geometry.width, geometry.length]) - np.ptp(extent[:, :2], axis=0)) / 2, 0.002)
            load = rng.uniform(0.0, 0.015) if geometry.shape == "solid" else 0.0
            middle = (extent[:, :2].max(0) + extent[:, :2].min(0)) / 2
            local = np.append(rng.uniform(-room, room) - middle, load - extent[:, 2].min())
            turn = Pose.from_bucket(bucket)
            return turn @ Pose.from_arrays(local, attitude)
        half = np.array(box[:2]) / 2 - 0.035
        x, y = rng.uniform(-half, half)
        centre = np.array([x, y, ground.height(x, y) + rng.uniform(*self._ranges.rock_depth)])
        for _ in range(20):
            if bucket is None or not touches(geometry, bucket, extent + centre):
                break
            centre[:2] = rng.uniform(-half, half)
            centre[2] = ground.height(*centre[:2]) + rng.uniform(*self._ranges.rock_depth)
        return Pose.from_arrays(centre, attitude)

    def _jittered(self, cell: Cell, shift: float) -> Cell:
        eye = tuple(np.array(cell.soil_from_camera.position) + self._rng.uniform(-shift, shift, 3))
        target = tuple(np.array([0.0, 0.0, 0.02]) + self._rng.uniform(-shift, shift, 3))
        return Cell(soil_from_camera=look_at(eye, target), intrinsics=cell.intrinsics)

    def _believed(self, cell: Cell) -> Cell:
        metres, radians = self._ranges.calibration_error
        error = Pose.from_rotation_vector(np.append(self._rng.normal(0, metres, 3), self._rng.normal(0, radians, 3)))
        return Cell(soil_from_camera=cell.soil_from_camera @ error, intrinsics=cell.intrinsics)

    def _bucket_error(self) -> np.ndarray:
        metres, radians = self._ranges.bucket_error
        return np.append(self._rng.normal(0, metres, 3), self._rng.normal(0, radians))


def _with_intruder(rng: np.random.Generator, view: View) -> View:
    """Something the size of a forearm that reaches into the image from its lower edge or from a side."""
    depth, label = view.depth.copy(), view.label.copy()
    height, width = depth.shape
    tip = (width // 2 + int(rng.integers(-60, 60)), height // 2 + int(rng.integers(-50, 60)))
    side = (int(rng.choice([0, width - 1])), int(rng.integers(height // 3, height)))
    start = (int(rng.integers(width // 4, 3 * width // 4)), height - 1) if rng.random() < 0.5 else side
    mask = np.zeros(depth.shape, np.uint8)
    cv2.line(mask, start, tip, 1, int(rng.integers(20, 50)))
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    middle = view.depth[height // 2 - 50 : height // 2 + 50, width // 2 - 40 : width // 2 + 40]
    surface = float(np.median(middle)) - rng.uniform(0.02, 0.2) - 0.001 * np.minimum(distance, 25)
    front = (mask > 0) & (surface < depth)
    depth[front], label[front] = surface[front], ARM
    rows = slice(0, height)
    return View(depth.astype(np.float32), label, view.rock_silhouette, (rows, slice(0, width)))


def _cropped(cell: Cell, window: Window) -> Cell:
    """A camera that sees only a part of the image."""
    (rows, columns), full = window, cell.intrinsics
    intrinsics = replace(
        full,
        width=columns.stop - columns.start,
        height=rows.stop - rows.start,
        cx=full.cx - columns.start,
        cy=full.cy - rows.start,
    )
    return replace(cell, intrinsics=intrinsics)


def _random_attitude(rng: np.random.Generator) -> np.ndarray:
    """Flat on a face in half of the cases, else any attitude."""
    if rng.random() < 0.5:
        yaw = rng.uniform(0, np.pi)
        tilt = Pose.from_rpy((0, 0, 0), roll=rng.normal(0, 0.08), pitch=rng.normal(0, 0.08), yaw=yaw)
        flat = Pose.from_rpy((0, 0, 0), roll=np.pi / 2 * rng.integers(0, 4), pitch=np.pi / 2 * rng.integers(0, 4))
        return np.array((tilt @ flat).quaternion)
    q = rng.normal(size=4)
    return q / np.linalg.norm(q)
