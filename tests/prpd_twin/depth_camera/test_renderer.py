from __future__ import annotations

import numpy as np
import pytest

from prpd_task.bucket import Box, BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose, quaternion_rotate
from prpd_twin.depth_camera.raycast import box_mesh
from prpd_twin.depth_camera.renderer import ARM, BUCKET, ROCK, SOIL, DepthRenderer
from prpd_twin.depth_camera.rocks import KINDS, random_rock, volume_and_centre, voxelised
from prpd_twin.depth_camera.spheres import splat
from prpd_twin.snapshot import Scene

CELL = Cell()
CUBE = box_mesh([Box("rock", (0.0, 0.0, 0.0), (0.05, 0.05, 0.05))])
SCENE = Scene(
    box_size=(0.24, 0.28, 0.1), wall_height=0.02, grain_edge=0.01, rock_vertices=CUBE[0], rock_triangles=CUBE[1]
)


@pytest.fixture(scope="module")
def renderer() -> DepthRenderer:
    return DepthRenderer(scene=SCENE, cell=CELL, bucket=BucketGeometry())


def bed(edge: float = 0.01) -> np.ndarray:
    axes = (
        np.arange(-0.12 + edge / 2, 0.12, edge),
        np.arange(-0.14 + edge / 2, 0.14, edge),
        np.arange(-0.1 + edge / 2, 0, edge),
    )
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)


def soil_points(depth: np.ndarray, where: np.ndarray) -> np.ndarray:
    i, (v, u) = CELL.intrinsics, np.nonzero(where)
    rays = np.stack([(u - i.cx) / i.fx, (v - i.cy) / i.fy, np.ones(len(u))], 1) * depth[v, u, None]
    return quaternion_rotate(np.array(CELL.soil_from_camera.quaternion), rays) + CELL.soil_from_camera.position


def test_a_splatted_sphere_is_the_ray_cast_one() -> None:
    depth = np.full((60, 80), np.inf, np.float32)
    centre, radius, focal = np.array([0.02, -0.01, 0.5]), 0.02, 300.0
    splat(depth, centre[None], radius, fx=focal, fy=focal, cx=39.5, cy=29.5)
    v, u = np.mgrid[0:60, 0:80]
    rays = np.stack([(u - 39.5) / focal, (v - 29.5) / focal, np.ones(u.shape)], -1)
    b, norm2 = rays @ centre, (rays**2).sum(-1)
    root = b**2 - norm2 * (centre @ centre - radius**2)
    exact = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / norm2, np.inf)
    both = np.isfinite(depth) & np.isfinite(exact)
    assert (np.isfinite(depth) != np.isfinite(exact)).sum() < 0.1 * both.sum()
    error = np.abs(depth[both] - exact[both])
    assert np.median(error) < 0.05 * radius and error.max() < 0.15 * radius


def test_soil_rock_and_bucket_are_where_they_are(renderer: DepthRenderer) -> None:
    rock, bucket = Pose.from_rpy((0.03, 0.04, 0.02), yaw=0.3), Pose.from_bucket((-0.02, -0.15, 0.15, 0.3))
    view = renderer.render(grains=bed(), rock=rock, bucket=bucket)
    soil = soil_points(view.depth, view.label == SOIL)
    assert np.abs(np.median(soil[:, 2])) < 0.003 and np.abs(soil[:, 0]).max() < 0.13
    back = rock.inverse()
    local = quaternion_rotate(np.array(back.quaternion), soil_points(view.depth, view.label == ROCK)) + back.position
    np.testing.assert_allclose(np.abs(local).max(1), 0.025, atol=1e-4)
    assert (view.label == BUCKET).sum() > 500 and (view.label == ARM).sum() > 500


def test_visible_fraction_tells_burial_and_occlusion(renderer: DepthRenderer) -> None:
    def fraction(rock: Pose, bucket: Pose | None = None) -> float:
        grains = bed()
        clear = np.abs(grains - rock.position).max(1) > 0.03
        return renderer.render(grains=grains[clear], rock=rock, bucket=bucket).visible_fraction

    assert fraction(Pose((0.0, 0.0, 0.03))) > 0.98
    assert 0.3 < fraction(Pose((0.0, 0.0, -0.01))) < 0.9
    assert fraction(Pose((0.0, 0.0, -0.07))) < 0.02
    assert fraction(Pose((0.0, 0.0, 0.03)), Pose.from_bucket((0.0, 0.08, 0.08, 0.0))) < 0.8


def test_the_moving_part_of_the_image_holds_everything(renderer: DepthRenderer) -> None:
    still = renderer.render(grains=np.zeros((0, 3)), rock=None, bucket=None)
    moving = renderer.render(grains=bed(), rock=Pose((0.1, 0.1, 0.0)), bucket=Pose.from_bucket((0.0, 0.0, 0.05, 0.0)))
    outside = np.ones(still.depth.shape, bool)
    outside[moving.window] = False
    changed = still.depth != moving.depth
    assert changed.any() and not (changed & outside).any()


@pytest.mark.parametrize("kind", KINDS)
def test_random_rocks_have_their_volume_and_centre(kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        vertices, triangles = random_rock(rng, kind=kind, edge=0.05)
        for mesh in ((vertices, triangles), voxelised(vertices, triangles, spacing=0.01)):
            volume, centre = volume_and_centre(*mesh)
            assert volume == pytest.approx(0.05**3, rel=1e-3)
            np.testing.assert_allclose(centre, 0, atol=2e-3)
    with pytest.raises(ValueError, match="choose one of"):
        random_rock(rng, kind="pyramid", edge=0.05)
