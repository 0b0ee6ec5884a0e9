"""The cell's nominal transforms make sense, and its file is read strictly."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from prpd_task.cell import Cell, look_at


def test_file_round_trip(tmp_path) -> None:
    path = tmp_path / "cell.yaml"
    path.write_text(yaml.safe_dump(_plain(Cell().to_dict())))
    loaded = Cell.load(path)
    np.testing.assert_allclose(loaded.base_from_soil.matrix(), Cell().base_from_soil.matrix(), atol=1e-12)
    assert loaded.intrinsics == Cell().intrinsics


def _plain(value):
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize(
    "text, message",
    [
        ("- 1", "no cell description"),
        ("camera: {}", "camera"),
        ("soil_from_camera: {position: [0, 0]}", "soil_from_camera"),
        ("intrinsics: {width: 640, zoom: 2}", "intrinsics"),
    ],
)
def test_bad_files_are_named(tmp_path, text: str, message: str) -> None:
    path = tmp_path / "cell.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        Cell.load(path)


def test_the_camera_looks_at_the_bed_with_its_image_upright() -> None:
    camera = Cell().soil_from_camera
    centre = camera.inverse().apply(np.array([0.0, 0.0, 0.02]))
    np.testing.assert_allclose(centre[:2], 0, atol=1e-9)
    assert centre[2] == pytest.approx(np.hypot(0.5, 0.58))
    higher = camera.inverse().apply(np.array([0.0, 0.0, 0.12]))
    assert higher[1] < 0, "up in the soil frame is up in the image, which is -y"


def test_look_at_straight_along_an_axis() -> None:
    pose = look_at((0.0, -1.0, 0.0), (0.0, 0.0, 0.0))
    np.testing.assert_allclose(pose.apply(np.array([0.0, 0.0, 1.0])), 0, atol=1e-9)
    np.testing.assert_allclose(pose.apply(np.array([1.0, 0.0, 0.0])), [1, -1, 0], atol=1e-9)


def test_a_level_bucket_hangs_under_the_flange() -> None:
    bucket_up = Cell().tool0_from_bucket.apply(np.array([0.0, 0.0, 1.0])) - Cell().tool0_from_bucket.apply(np.zeros(3))
    assert bucket_up[2] == pytest.approx(-np.cos(0.17)), "but for the tilt that keeps the wrist from its singularity"
