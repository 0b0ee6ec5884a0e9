"""Hand-eye calibration of a camera that stands still and a board that the bucket carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from prpd_task.cell import Intrinsics
from prpd_task.errors import UserError
from prpd_task.frames import Pose

LEAST_VIEWS = 4
LEAST_TURN = np.radians(8.0)
"""rad: by so much the board must turn, about at least two different axes."""


@dataclass(frozen=True)
class BoardView:
    """One picture of the board, taken with the arm at rest."""

    name: str
    soil_from_bucket: Pose
    corners: np.ndarray
    """(N, 2) px, in the order of the board's own points."""


@dataclass(frozen=True)
class HandEye:
    """The result, with what is left unexplained."""

    soil_from_camera: Pose
    bucket_from_board: Pose
    pixel_rms: np.ndarray
    """px, per view: distance of the corners from where the calibration puts them."""
    position_rms: np.ndarray
    """m, per view: the same at the distance of the board."""


def calibrate(views: Sequence[BoardView], *, board: np.ndarray, intrinsics: Intrinsics) -> HandEye:
    """Solve for camera and board; `board` is (N, 3) m, its points in its own frame, z = 0."""
    if len(views) < LEAST_VIEWS:
        raise UserError(f"{len(views)} views with a board are too few; take at least {LEAST_VIEWS}, better 10")
    matrix = np.array([[intrinsics.fx, 0, intrinsics.cx], [0, intrinsics.fy, intrinsics.cy], [0, 0, 1.0]])
    in_camera = [_matrix(*_solve_pnp(v, board, matrix)) for v in views]
    in_soil = [_homogeneous(v.soil_from_bucket) for v in views]
    start_camera = _closed_form(in_soil, in_camera)
    start_board = _mean([np.linalg.inv(b) @ start_camera @ c for b, c in zip(in_soil, in_camera, strict=True)])

    def residuals(unknowns: np.ndarray) -> np.ndarray:
        camera, mounted = _from_vector(unknowns[:6]), _from_vector(unknowns[6:])
        parts = []
        for view, bucket in zip(views, in_soil, strict=True):
            camera_from_board = np.linalg.inv(camera) @ bucket @ mounted
            rotation = Rotation.from_matrix(camera_from_board[:3, :3]).as_rotvec()
            seen, _ = cv2.projectPoints(board, rotation, camera_from_board[:3, 3], matrix, None)
            parts.append((seen.reshape(-1, 2) - view.corners).ravel())
        return np.concatenate(parts)

    start = np.concatenate([_to_vector(start_camera), _to_vector(start_board)])
    solution = least_squares(residuals, start, loss="huber", f_scale=1.0)
    left = residuals(solution.x).reshape(len(views), -1, 2)
    pixel = np.sqrt((left**2).sum(-1).mean(-1))
    distance = np.array([c[2, 3] for c in in_camera])
    camera, mounted = _from_vector(solution.x[:6]), _from_vector(solution.x[6:])
    return HandEye(_pose(camera), _pose(mounted), pixel, pixel * distance / intrinsics.fx)


def board_points(columns: int, rows: int, square: float) -> np.ndarray:
    """(columns * rows, 3) m, inner corners of a chessboard, row by row."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float64)
    return np.stack([x.ravel() * square, y.ravel() * square, np.zeros(rows * columns)], 1)


def _solve_pnp(view: BoardView, board: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if view.corners.shape != (len(board), 2):
        raise UserError(
            f"{view.name} shows {len(view.corners)} corners, but the board has {len(board)}; check --columns and --rows"
        )
    found, rotation, translation = cv2.solvePnP(board, view.corners.astype(np.float64), matrix, None)
    if not found:
        raise UserError(f"the board in {view.name} has no pose that fits its corners; leave that picture out")
    return rotation.ravel(), translation.ravel()


def _closed_form(in_soil: list[np.ndarray], in_camera: list[np.ndarray]) -> np.ndarray:
    """soil_from_camera X of A X = X M, for the motions A of the bucket and M of the board between any two views."""
    motions = [
        (in_soil[j] @ np.linalg.inv(in_soil[i]), in_camera[j] @ np.linalg.inv(in_camera[i]))
        for i, j in combinations(range(len(in_soil)), 2)
    ]
    axes_a = np.array([Rotation.from_matrix(a[:3, :3]).as_rotvec() for a, _ in motions])
    axes_m = np.array([Rotation.from_matrix(m[:3, :3]).as_rotvec() for _, m in motions])
    spread = np.linalg.svd(axes_a, compute_uv=False) / np.sqrt(len(axes_a))
    if spread[1] < LEAST_TURN / 2:
        raise UserError("the views differ by a turn about one axis only; turn the board about a second one too")
    rotation, _ = Rotation.align_vectors(axes_a, axes_m)
    left = np.concatenate([a[:3, :3] - np.eye(3) for a, _ in motions])
    right = np.concatenate([rotation.apply(m[:3, 3]) - a[:3, 3] for a, m in motions])
    result = np.eye(4)
    result[:3, :3] = rotation.as_matrix()
    result[:3, 3] = np.linalg.lstsq(left, right, rcond=None)[0]
    return result


def _mean(transforms: list[np.ndarray]) -> np.ndarray:
    result = np.eye(4)
    result[:3, :3] = Rotation.from_matrix(np.stack([t[:3, :3] for t in transforms])).mean().as_matrix()
    result[:3, 3] = np.mean([t[:3, 3] for t in transforms], axis=0)
    return result


def _homogeneous(pose: Pose) -> np.ndarray:
    return _matrix(Rotation.from_quat(pose.quaternion).as_rotvec(), np.array(pose.position))


def _matrix(rotation_vector: np.ndarray, translation: np.ndarray) -> np.ndarray:
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = Rotation.from_rotvec(rotation_vector).as_matrix(), translation
    return result


def _to_vector(matrix: np.ndarray) -> np.ndarray:
    return np.append(matrix[:3, 3], Rotation.from_matrix(matrix[:3, :3]).as_rotvec())


def _from_vector(vector: np.ndarray) -> np.ndarray:
    return _matrix(vector[3:], vector[:3])


def _pose(matrix: np.ndarray) -> Pose:
    return Pose.from_arrays(matrix[:3, 3], Rotation.from_matrix(matrix[:3, :3]).as_quat())
