"""A chessboard that the bucket carries, and what an ideal camera sees of it."""

from __future__ import annotations

import cv2
import numpy as np

from prpd_perception.calibrate.hand_eye import board_points
from prpd_task.cell import Cell, Intrinsics
from prpd_task.frames import Pose, quaternion_rotate

COLUMNS, ROWS, SQUARE = 8, 5, 0.02
INTRINSICS = Intrinsics(fx=600.0, fy=600.0)
CAMERA = Cell().soil_from_camera
BUCKET_FROM_BOARD = Pose.from_rpy((-0.06, 0.08, 0.01), roll=2.4, pitch=0.1, yaw=0.05)


def bucket_poses(rng: np.random.Generator, number: int, *, turned: bool = True) -> list[Pose]:
    """In the soil frame; with `turned` about all axes, else about one."""
    turns = rng.uniform(-0.3, 0.3, (number, 3)) * ((1, 1, 1) if turned else (1, 0, 0))
    return [Pose.from_rpy(rng.uniform((-0.1, -0.1, 0.0), (0.1, 0.1, 0.15)), *turn) for turn in turns]


def projected(bucket: Pose) -> np.ndarray:
    """(COLUMNS * ROWS, 2) px, the inner corners."""
    pose = CAMERA.inverse() @ bucket @ BUCKET_FROM_BOARD
    points = quaternion_rotate(np.array(pose.quaternion), board_points(COLUMNS, ROWS, SQUARE)) + pose.position
    i = INTRINSICS
    return np.stack([i.fx * points[:, 0] / points[:, 2] + i.cx, i.fy * points[:, 1] / points[:, 2] + i.cy], 1)


def picture(bucket: Pose) -> np.ndarray:
    """(480, 640) uint8."""
    scale, margin = 40, 1
    squares = (np.indices((ROWS + 1, COLUMNS + 1)).sum(0) % 2 * 255).astype(np.uint8)
    flat = np.pad(np.kron(squares, np.ones((scale, scale), np.uint8)), margin * scale, constant_values=255)
    inner = board_points(COLUMNS, ROWS, 1.0)[:, :2] * scale + (margin + 1) * scale - 0.5
    homography, _ = cv2.findHomography(inner, projected(bucket))
    return cv2.warpPerspective(flat, homography, (640, 480), flags=cv2.INTER_AREA, borderValue=128)
