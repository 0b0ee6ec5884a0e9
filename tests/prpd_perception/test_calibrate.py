from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from prpd_perception.calibrate.cell_file import write
from prpd_perception.calibrate.cli import Calibrate, run
from prpd_perception.calibrate.hand_eye import BoardView, board_points, calibrate
from prpd_perception.calibrate.session import Session, find_board
from prpd_task.cell import Cell, Intrinsics
from prpd_task.errors import UserError
from prpd_task.frames import Pose, quaternion_rotate

COLUMNS, ROWS, SQUARE = 8, 5, 0.02
INTRINSICS = Intrinsics(fx=600.0, fy=600.0)
CAMERA = Cell().soil_from_camera
BUCKET_FROM_BOARD = Pose.from_rpy((-0.06, 0.08, 0.01), roll=2.4, pitch=0.1, yaw=0.05)


def bucket_poses(rng: np.random.Generator, number: int, *, turned: bool = True) -> list[Pose]:
    turns = rng.uniform(-0.3, 0.3, (number, 3)) * ((1, 1, 1) if turned else (1, 0, 0))
    return [Pose.from_rpy(rng.uniform((-0.1, -0.1, 0.0), (0.1, 0.1, 0.15)), *turn) for turn in turns]


def projected(bucket: Pose) -> np.ndarray:
    pose = CAMERA.inverse() @ bucket @ BUCKET_FROM_BOARD
    points = quaternion_rotate(np.array(pose.quaternion), board_points(COLUMNS, ROWS, SQUARE)) + pose.position
    i = INTRINSICS
    return np.stack([i.fx * points[:, 0] / points[:, 2] + i.cx, i.fy * points[:, 1] / points[:, 2] + i.cy], 1)


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


def picture(bucket: Pose) -> np.ndarray:
    """A rendered chessboard."""
    scale, margin = 40, 1
    squares = (np.indices((ROWS + 1, COLUMNS + 1)).sum(0) % 2 * 255).astype(np.uint8)
    flat = np.pad(np.kron(squares, np.ones((scale, scale), np.uint8)), margin * scale, constant_values=255)
    inner = board_points(COLUMNS, ROWS, 1.0)[:, :2] * scale + (margin + 1) * scale - 0.5
    homography, _ = cv2.findHomography(inner, projected(bucket))
    return cv2.warpPerspective(flat, homography, (640, 480), flags=cv2.INTER_AREA, borderValue=128)


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
