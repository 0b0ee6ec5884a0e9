"""The bucket's pieces: they enclose the bowl, leave it free, and bad dimensions are refused."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_task.bucket import BucketGeometry


def inside_a_piece(geometry: BucketGeometry, points: np.ndarray) -> np.ndarray:
    inside = np.zeros(len(points), bool)
    for box in geometry.boxes():
        cos, sin = np.cos(box.pitch), np.sin(box.pitch)
        x, y, z = (points - box.centre).T
        local = np.stack([x, cos * y + sin * z, cos * z - sin * y], 1)
        inside |= (np.abs(local) < np.asarray(box.size) / 2).all(1)
    return inside


@pytest.mark.parametrize("shape", ["fork", "solid"])
def test_no_piece_reaches_into_the_bowl(shape: str) -> None:
    geometry = BucketGeometry(shape=shape)
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (20_000, 3))
    bowl = geometry.contains(points)
    assert bowl.sum() > 1000
    assert not inside_a_piece(geometry, points[bowl]).any()


@pytest.mark.parametrize("shape, gap", [("fork", 0.03), ("solid", 0.004)])
def test_a_ball_larger_than_the_gaps_cannot_leave_through_floor_back_or_sides(shape: str, gap: float) -> None:
    geometry = BucketGeometry(shape=shape)
    generator = np.random.default_rng(1)
    walls = {
        "floor": (lambda n: generator.uniform([-0.06, -0.05, 0], [0.06, 0.05, 0], (n, 3)), (0, 0, -1)),
        "back": (lambda n: generator.uniform([-0.06, -0.06, 0.01], [0.06, -0.06, 0.06], (n, 3)), (0, -1, 0)),
        "left": (lambda n: generator.uniform([-0.075, -0.05, 0.01], [-0.075, 0.05, 0.06], (n, 3)), (-1, 0, 0)),
        "right": (lambda n: generator.uniform([0.075, -0.05, 0.01], [0.075, 0.05, 0.06], (n, 3)), (1, 0, 0)),
    }
    offsets = generator.uniform(-gap / 2, gap / 2, (400, 3))
    for name, (starts, direction) in walls.items():
        for start in starts(20):
            path = start + np.linspace(0, 0.02, 81)[:, None] * np.asarray(direction)
            ball = (path[:, None] + offsets[np.linalg.norm(offsets, axis=1) < gap / 2]).reshape(-1, 3)
            assert inside_a_piece(geometry, ball).any(), f"{shape}: a {gap} m ball leaves through the {name} at {start}"


def test_bounds_hold_all_pieces_and_tips_end_the_floor() -> None:
    geometry = BucketGeometry()
    low, high = geometry.bounds()
    points = np.random.default_rng(2).uniform(-0.2, 0.2, (50_000, 3))
    pieces = points[inside_a_piece(geometry, points)]
    assert ((pieces > low) & (pieces < high)).all()
    np.testing.assert_allclose([high[0], high[1]], [geometry.width / 2 + geometry.thickness, geometry.length / 2])
    np.testing.assert_allclose(geometry.tips()[:, 1], geometry.length / 2)
    np.testing.assert_allclose([geometry.corners().min(0), geometry.corners().max(0)], [low, high])


def test_hash_tells_buckets_apart() -> None:
    assert BucketGeometry().hash() == BucketGeometry().hash()
    assert BucketGeometry().hash() != BucketGeometry(width=0.151).hash()


@pytest.mark.parametrize(
    "arguments, message",
    [({"shape": "bag"}, "bag"), ({"width": -1.0}, "width"), ({"tines": 40}, "tines"), ({"mass": float("nan")}, "mass")],
)
def test_bad_dimensions_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BucketGeometry(**arguments)
