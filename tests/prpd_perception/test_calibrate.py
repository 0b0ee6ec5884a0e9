from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chessboard import CAMERA, COLUMNS, INTRINSICS, ROWS, SQUARE, bucket_poses, picture, projected

from prpd_perception.calibrate.cell_file import write
from prpd_perception.calibrate.cli import Calibrate, run
from prpd_perception.calibrate.hand_eye import BoardView, board_points, calibrate
from prpd_perception.calibrate.session import Session, find_board
from prpd_task.cell import Cell
from prpd_task.errors import UserError
from prpd_task.frames import Pose


def test_noisy_corners_give_the_camera_back() -> None:
    rng = np.random.default_rng(3)
    views = [
        BoardView(f"{i}", b, projected(b) + rng.normal(0, 0.2, (40, 2))) for i, b in enumerate(bucket_poses(rng, 10))
    ]
    result = calibrate(views, board=board_points(COLUMNS, ROWS, SQUARE), intrinsics=INTRINSICS)
    error = CAMERA.inverse() @ result.soil_from_camera
    assert np.linalg.norm(error.position) < 0.002
    assert 2 * np.arccos(min(1.0, abs(error.quaternion[3]))) < 0.004
    assert 0.1 < result.pixel_rms.mean() < 0.4


def test_a_wrong_pose_shows_in_its_residual() -> None:
    rng = np.random.default_rng(4)
    views = [
        BoardView(f"{i}", b, projected(b) + rng.normal(0, 0.1, (40, 2))) for i, b in enumerate(bucket_poses(rng, 9))
    ]
    views[4] = BoardView("4", Pose.from_rpy((0.01, 0, 0)) @ views[4].soil_from_bucket, views[4].corners)
    result = calibrate(views, board=board_points(COLUMNS, ROWS, SQUARE), intrinsics=INTRINSICS)
    assert int(result.position_rms.argmax()) == 4 and result.position_rms[4] > 0.004


def test_too_little_is_refused() -> None:
    rng = np.random.default_rng(5)
    board = board_points(COLUMNS, ROWS, SQUARE)
    flat = [BoardView(f"{i}", b, projected(b)) for i, b in enumerate(bucket_poses(rng, 8, turned=False))]
    with pytest.raises(UserError, match="one axis only"):
        calibrate(flat, board=board, intrinsics=INTRINSICS)
    with pytest.raises(UserError, match="too few"):
        calibrate(flat[:2], board=board, intrinsics=INTRINSICS)


def test_the_command_goes_from_pictures_to_a_cell_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(6)
    session = Session(tmp_path / "pictures")
    for bucket in bucket_poses(rng, 6):
        session.add(picture(bucket), bucket, INTRINSICS)
    session.add(np.full((480, 640), 90, np.uint8), Pose(), INTRINSICS)
    run(Calibrate("camera", session=session.folder, output=tmp_path / "cell.yaml"))
    printed = capsys.readouterr().out
    assert "006.png: no board" in printed and "residual" in printed
    cell = Cell.load(tmp_path / "cell.yaml")
    np.testing.assert_allclose(cell.soil_from_camera.position, CAMERA.position, atol=0.003)
    assert cell.intrinsics == INTRINSICS and cell.base_link_from_soil == Cell().base_link_from_soil


def test_nothing_is_written_when_the_residual_is_large(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    session = Session(tmp_path / "pictures")
    for bucket in bucket_poses(rng, 6):
        session.add(picture(bucket), Pose.from_rpy(rng.normal(0, 0.01, 3)) @ bucket, INTRINSICS)
    with pytest.raises(UserError, match="Nothing was written"):
        run(Calibrate("camera", session=session.folder, output=tmp_path / "cell.yaml"))
    assert not (tmp_path / "cell.yaml").exists()


def test_corners_keep_their_order_when_the_board_is_upside_down() -> None:
    bucket = Pose.from_rpy((0.0, 0.0, 0.05))
    upright = picture(bucket)
    turned = find_board(upright[::-1, ::-1].copy(), columns=COLUMNS, rows=ROWS)
    assert turned is not None
    np.testing.assert_allclose(np.array([639, 479]) - turned, projected(bucket), atol=0.6)
    with pytest.raises(UserError, match="upside down"):
        find_board(upright, columns=7, rows=5)


def test_a_broken_session_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        Session(tmp_path).intrinsics()
    (tmp_path / "poses.json").write_text("{}")
    with pytest.raises(UserError, match="no calibration session"):
        Session(tmp_path).intrinsics()


def test_a_cell_file_round_trips(tmp_path: Path) -> None:
    write(tmp_path / "cell.yaml", Cell(), CAMERA, INTRINSICS)
    assert Cell.load(tmp_path / "cell.yaml") == Cell(soil_from_camera=CAMERA, intrinsics=INTRINSICS)
