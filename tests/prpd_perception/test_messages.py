from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("prpd_interfaces.msg", reason="the interfaces are not built; run ./prpd build")
from builtin_interfaces.msg import Time

from prpd_perception import messages
from prpd_perception.camera import Points
from prpd_perception.height_map import soil_map

STAMP = Time(sec=3)


def test_a_height_map_has_its_rows_along_y_and_holes_where_nothing_was_seen() -> None:
    xyz = np.random.default_rng(0).uniform((-0.10, -0.14, 0.0), (0.13, 0.15, 0.01), (80_000, 3)).T.astype(np.float32)
    xyz[2] += 0.1 * xyz[1]
    soil = soil_map(Points(xyz, np.ones(xyz.shape[1], np.float32), np.arange(xyz.shape[1])))
    image = messages.height_map(soil, STAMP)
    assert image.encoding == "32FC1" and image.step == 4 * image.width and image.header.frame_id == "soil"
    heights = np.frombuffer(image.data, np.float32).reshape(image.height, image.width)
    x, y = soil.grid.axes()
    assert np.isnan(heights[:, x < -0.105]).all() and np.isnan(heights[y < -0.145]).all()
    seen = np.isfinite(heights)
    assert seen.sum() > 5000 and np.abs((heights - 0.1 * y[:, None] - 0.005)[seen]).max() < 0.006


def test_a_cloud_holds_its_points() -> None:
    xyz = np.arange(12, dtype=np.float32).reshape(3, 4)
    cloud = messages.cloud(xyz, STAMP)
    assert (cloud.width, cloud.height, cloud.row_step) == (4, 1, 48) and [f.name for f in cloud.fields] == list("xyz")
    np.testing.assert_array_equal(np.frombuffer(cloud.data, np.float32).reshape(4, 3), xyz.T)
