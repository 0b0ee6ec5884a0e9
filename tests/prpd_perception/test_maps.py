from __future__ import annotations

import numpy as np
import pytest

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Points
from prpd_perception.height_map import (
    BOWL_GRID,
    CHANNELS,
    SOIL_GRID,
    STRIDE,
    Grid,
    block_height,
    blocks,
    bowl_map,
    soil_map,
)
from prpd_perception.shape import fit_shape
from prpd_perception.soil_plane import PlaneLimits, fit_soil_plane
from prpd_task.bucket import SHAPES, BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import bucket_to_soil


def soil(*, tilt: float = 0.0, lift: float = 0.0, number: int = 40_000) -> np.ndarray:
    x, y = np.random.default_rng(0).uniform(-0.15, 0.15, (2, number))
    return np.stack([x, y, np.tan(tilt) * y + lift]).astype(np.float32)


def seen_once(xyz: np.ndarray) -> Points:
    number = xyz.shape[1]
    return Points(np.ascontiguousarray(xyz, np.float32), np.ones(number, np.float32), np.arange(number))


def test_a_map_holds_the_mean_height_and_what_was_not_seen() -> None:
    xyz = soil(tilt=0.1)
    xyz = xyz[:, xyz[0] < 0.05]
    view = soil_map(seen_once(xyz))
    x, y = view.grid.axes()
    columns = x < 0.045
    assert view.seen[10:-10, columns][:, 10:].mean() > 0.97 and not view.seen[:, x > 0.055].any()
    error = view.height - np.tan(0.1) * y[:, None]
    assert np.abs(error[view.seen]).max() < 0.004
    assert view.channels.shape == (len(CHANNELS), *SOIL_GRID.shape) and np.isfinite(view.channels).all()


@pytest.mark.parametrize("grid", [SOIL_GRID, BOWL_GRID])
def test_a_point_lies_in_the_cell_whose_middle_is_nearest_or_on_none(grid: Grid) -> None:
    x, y = np.meshgrid(*grid.axes())
    for shift in (-0.49, 0.0, 0.49):
        index, on = grid.index((x + shift * grid.cell).ravel(), (y - shift * grid.cell).ravel())
        assert on.all() and (index == np.arange(x.size)).all()
    width, length = grid.columns * grid.cell / 2, grid.rows * grid.cell / 2
    just_outside = np.array([(-width - 1e-4, 0), (width + 1e-4, 0), (0, -length - 1e-4), (0, length + 1e-4)])
    assert not grid.index(*just_outside.T)[1].any()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bucket_is_masked_by_its_own_geometry(shape: str) -> None:
    geometry, pose = BucketGeometry(shape=shape), np.array([0.02, -0.05, 0.1, 0.4])
    rng = np.random.default_rng(1)
    surface = [np.array(b.centre) + rng.uniform(-0.5, 0.5, (50, 3)) * b.size for b in geometry.boxes()]
    content = rng.uniform((-0.03, -0.03, 0.02), (0.03, 0.03, 0.05), (200, 3))
    far = rng.uniform((-0.03, 0.12, -0.1), (0.03, 0.15, -0.05), (200, 3))
    local = np.concatenate([*surface, content, far])
    xyz = bucket_to_soil(pose, local).T.astype(np.float32)
    parts = BucketMask(geometry, Cell()).sort(xyz, pose)
    n = 50 * len(geometry.boxes())
    assert parts.bucket[:n].all() and not parts.bucket[n:].any()
    assert parts.bowl[n : n + 200].all() and not parts.bowl[n + 200 :].any() and not parts.bowl[:n].any()
    np.testing.assert_allclose(parts.local.T, local, atol=1e-5)


def test_a_lifted_bowl_has_a_map_of_its_own_and_a_digging_one_holds_soil() -> None:
    geometry, ground = BucketGeometry(), soil()
    inside = np.random.default_rng(2).uniform((-0.02, -0.02, 0.045), (0.02, 0.02, 0.05), (500, 3))
    pose = np.array([0.0, 0.0, 0.15, 0.0])
    xyz = np.concatenate([ground, bucket_to_soil(pose, inside).T], 1).astype(np.float32)
    points, parts = seen_once(xyz), BucketMask(geometry, Cell()).sort(xyz, pose)
    assert np.abs(soil_map(points, parts, lifted=True).height).max() < 0.01
    assert soil_map(points, parts, lifted=False).height.max() > 0.1
    bowl = bowl_map(points, parts)
    assert bowl is not None and bowl.in_bowl and (bowl.channels[-1] == 1).all()
    assert bowl.height[bowl.seen].mean() == pytest.approx(0.0475, abs=0.002)
    assert bowl_map(seen_once(ground), BucketMask(geometry, Cell()).sort(ground, pose)) is None


def test_block_heights_are_means_of_seen_cells() -> None:
    view = soil_map(seen_once(soil(lift=0.03)))
    height, seen = block_height(view.channels), blocks(view.seen) == STRIDE**2
    assert height.shape == (SOIL_GRID.rows // STRIDE, SOIL_GRID.columns // STRIDE)
    np.testing.assert_allclose(height[seen], 0.03, atol=1e-5)


@pytest.mark.parametrize(
    ("tilt", "lift", "named"),
    [(0.0, 0.0, None), (0.1, 0.02, None), (0.3, 0.0, "tilted"), (0.0, 0.06, "height"), (0.0, -0.06, "height")],
)
def test_the_soil_plane_tells_a_bumped_camera(tilt: float, lift: float, named: str | None) -> None:
    xyz = soil(tilt=tilt, lift=lift)
    rock = (np.abs(xyz[0]) < 0.025) & (np.abs(xyz[1] - 0.02) < 0.025)
    xyz[2, rock] += 0.03
    plane = fit_soil_plane(soil_map(seen_once(xyz)))
    assert plane.tilt == pytest.approx(tilt, abs=0.02) and plane.height == pytest.approx(lift, abs=0.004)
    problem = plane.problem(PlaneLimits())
    assert (problem is None) if named is None else (problem is not None and named in problem)


def test_soil_that_is_not_seen_is_a_problem() -> None:
    xyz = soil()
    plane = fit_soil_plane(soil_map(seen_once(xyz[:, xyz[0] > 0.06])))
    assert "calibrate" in (plane.problem(PlaneLimits()) or "")


def test_the_shape_of_a_block() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform((-0.03, -0.02, 0), (0.03, 0.02, 0.02), (400, 3))
    c, s = np.cos(0.5), np.sin(0.5)
    turned = points @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    shape = fit_shape(turned, np.array([0.0, 0.0, 0.0]))
    assert shape is not None
    np.testing.assert_allclose(shape.size, (0.06, 0.04, 0.04), atol=0.004)
    assert shape.yaw == pytest.approx(0.5, abs=0.1)
    assert fit_shape(turned[:5], np.zeros(3)) is None
