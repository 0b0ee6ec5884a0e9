from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Camera, Region, check_intrinsics
from prpd_perception.depth_image import decode_depth, intrinsics_of
from prpd_perception.estimate import BadImageError
from prpd_perception.still_image import MOST, StillImage
from prpd_perception.viewer import SOIL_REGION, Viewer
from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell, Intrinsics, look_at
from prpd_task.frames import Pose

CELL = Cell()


def decode(array: np.ndarray, *, encoding: str = "16UC1", big_endian: bool = False, **changed) -> np.ndarray:
    fields = {"data": array.tobytes(), "width": array.shape[1], "height": array.shape[0], "step": array.strides[0]}
    return decode_depth(**(fields | changed), encoding=encoding, big_endian=big_endian)


def test_both_encodings_and_byte_orders_give_metres() -> None:
    millimetres = np.array([[0, 500, 1500], [1, 2, 3]], "<u2")
    expected = millimetres / 1000
    np.testing.assert_allclose(decode(millimetres), expected, rtol=1e-6)
    np.testing.assert_allclose(decode(millimetres.astype(">u2"), big_endian=True), expected, rtol=1e-6)
    np.testing.assert_allclose(decode(expected.astype("<f4"), encoding="32FC1"), expected, rtol=1e-6)


def test_padded_rows_are_cut() -> None:
    padded = np.arange(8, dtype="<u2").reshape(2, 4)
    np.testing.assert_allclose(decode(padded, width=3), padded[:, :3] / 1000, rtol=1e-6)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"encoding": "rgb8"}, "rgb8"),
        ({"width": 0}, "0x2"),
        ({"step": 3}, "step 3"),
        ({"data": b"12"}, "too few"),
        ({"height": 9999}, "3x9999"),
    ],
)
def test_what_is_no_depth_image_is_named(changed: dict, named: str) -> None:
    with pytest.raises(BadImageError, match=named):
        decode(np.zeros((2, 3), "<u2"), **changed)


@pytest.mark.parametrize("k", [[0.0] * 9, [np.nan] * 9, [385, 0, -5, 0, 385, 240, 0, 0, 1]])
def test_intrinsics_of_no_camera_are_refused(k: list) -> None:
    with pytest.raises(ValueError, match="intrinsics"):
        check_intrinsics(intrinsics_of(width=640, height=480, k=k))


def test_points_lie_on_the_plane_that_was_rendered() -> None:
    camera, i = Camera(CELL.intrinsics, CELL.soil_from_camera), CELL.intrinsics
    v, u = np.mgrid[0 : i.height, 0 : i.width]
    rays = np.stack([(u - i.cx) / i.fx, (v - i.cy) / i.fy, np.ones(u.shape)], -1).reshape(-1, 3)
    directions = CELL.soil_from_camera.apply(rays) - CELL.soil_from_camera.position
    with np.errstate(divide="ignore"):
        depth = (0.02 - CELL.soil_from_camera.position[2]) / directions[:, 2]
    depth = np.where(depth > 0, depth, np.inf).reshape(i.height, i.width).astype(np.float32)
    sight = camera.sight(camera.window(SOIL_REGION))
    points = camera.points(camera.crop(depth, sight.window), sight, SOIL_REGION)
    assert points.xyz.shape[1] > 10_000
    np.testing.assert_allclose(points.xyz[2], 0.02, atol=1e-4)
    (low_x, low_y, _), (high_x, high_y, _) = SOIL_REGION.low, SOIL_REGION.high
    np.testing.assert_allclose(points.xyz[:2].min(1), (low_x, low_y), atol=0.004)
    np.testing.assert_allclose(points.xyz[:2].max(1), (high_x, high_y), atol=0.004)
    above = replace(SOIL_REGION, low=(low_x, low_y, 0.03))
    assert camera.points(camera.crop(depth, sight.window), sight, above).xyz.size == 0


def test_flying_pixels_and_their_neighbours_are_dropped() -> None:
    camera = Camera(CELL.intrinsics, CELL.soil_from_camera)
    sight = camera.sight(camera.window(SOIL_REGION))
    anywhere = Region((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))

    def kept(depth: np.ndarray) -> int:
        return len(camera.points(camera.crop(depth, sight.window), sight, anywhere).pixel)

    depth = np.full((480, 640), 0.78, np.float32)
    whole = kept(depth)
    for wrong, dropped in ((0.7, 9), (np.nan, 1), (np.inf, 1), (-1.0, 1)):
        depth[250, 320] = wrong
        assert whole - kept(depth) == dropped


def test_a_patch_covers_a_ball_and_little_more() -> None:
    camera = Camera(CELL.intrinsics, CELL.soil_from_camera)
    centre, radius = np.array([0.03, -0.02, 0.05]), 0.06
    rows, columns = camera.patch(centre, radius)
    patch = np.zeros((480, 640), bool)
    patch[rows, columns] = True
    directions = np.random.default_rng(0).normal(size=(500, 3))
    ball = centre + radius * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    x, y, z = CELL.soil_from_camera.inverse().apply(ball).T
    i = CELL.intrinsics
    u, v = (i.fx * x / z + i.cx).astype(int), (i.fy * y / z + i.cy).astype(int)
    assert patch[v, u].all()
    assert patch.sum() < 1.4 * (np.ptp(u) + 1) * (np.ptp(v) + 1)


def test_what_stands_still_is_averaged_and_what_changes_is_not() -> None:
    still, rng = StillImage((20, 30)), np.random.default_rng(0)
    for _ in range(2 * MOST):
        still.add((0.7 + rng.normal(0, 0.0015, (20, 30))).astype(np.float32))
    assert np.abs(still.mean - 0.7).std() < 0.001 and (still.count == MOST).mean() > 0.95
    changed = np.full((20, 30), 0.7, np.float32)
    changed[:5], changed[5:10] = 0.65, 0.0
    still.add(changed)
    assert (still.mean[:5] == np.float32(0.65)).all() and (still.count[:5] == 1).all()
    assert (still.mean[5:10] == 0).all() and (still.count[5:10] == 0).all() and (still.count[10:] == MOST).mean() > 0.95
    still.forget(slice(10, 20), slice(0, 30))
    still.add(changed)
    assert (still.count[10:] == 1).all()


def test_what_is_near_the_bucket_is_looked_at_anew_when_it_moves() -> None:
    camera = Camera(CELL.intrinsics, CELL.soil_from_camera)
    viewer, depth = Viewer(camera, BucketMask(BucketGeometry(), CELL)), np.full((480, 640), 0.78, np.float32)
    low, lifted = np.array([0.0, 0.0, -0.02, 0.0]), np.array([0.0, 0.0, 0.12, 0.0])

    def images(pose: np.ndarray) -> tuple[float, float]:
        """Most and least that the soil's points are the mean of."""
        viewer.add(depth, pose)
        number = viewer.soil(pose).points.images
        return float(number.max()), float(number.min())

    assert [images(low) for _ in range(3)] == [(1, 1), (2, 2), (3, 3)]
    assert images(low + (0.002, 0, 0, 0)) == (4, 1)
    assert images(lifted) == (5, 1)
    assert images(lifted) == (6, 2)


def test_a_camera_that_cannot_see_the_soil_is_refused() -> None:
    with pytest.raises(ValueError, match="looks away"):
        Camera(Intrinsics(), look_at((0.0, 0.5, 0.6), (0.0, 1.0, 1.2))).window(SOIL_REGION)
    with pytest.raises(ValueError, match="does not see"):
        Camera(Intrinsics(), look_at((0.0, 3.0, 0.6), (3.0, 0.0, 0.0))).window(SOIL_REGION)
    with pytest.raises(ValueError, match="320x240"):
        Camera(Intrinsics(), CELL.soil_from_camera).crop(np.zeros((240, 320), np.float32), (slice(9), slice(9)))
    assert isinstance(CELL.soil_from_camera, Pose)
