"""A folder of pictures with the bucket's pose at each: what a calibration is made from."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from prpd_perception.calibrate.hand_eye import BoardView
from prpd_task.cell import Intrinsics
from prpd_task.errors import UserError
from prpd_task.frames import Pose

POSES = "poses.json"


class Session:
    """`poses.json` beside `000.png`, `001.png`, ..."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, image: np.ndarray, soil_from_bucket: Pose, intrinsics: Intrinsics) -> Path:
        """Keep one more picture (8 bit, one channel)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content: dict[str, Any] = (
            self._read() if (self.folder / POSES).exists() else {"intrinsics": asdict(intrinsics), "views": []}
        )
        if content["intrinsics"] != asdict(intrinsics):
            raise UserError(f"{self.folder} holds pictures of another camera; begin in an empty folder")
        name = f"{len(content['views']):03d}.png"
        cv2.imwrite(str(self.folder / name), image)
        content["views"].append({"image": name, **asdict(soil_from_bucket)})
        fresh = self.folder / (POSES + ".new")
        fresh.write_text(json.dumps(content, indent=1))
        fresh.replace(self.folder / POSES)
        return self.folder / name

    def intrinsics(self) -> Intrinsics:
        """Of the camera that took the pictures."""
        return Intrinsics(**self._read()["intrinsics"])

    def views(self, *, columns: int, rows: int) -> tuple[list[BoardView], list[str]]:
        """The views in which the board is found, and the names of the pictures in which it is not."""
        found, without = [], []
        for entry in self._read()["views"]:
            image = cv2.imread(str(self.folder / entry["image"]), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise UserError(f"{self.folder / entry['image']} cannot be read as a picture; take it out of {POSES}")
            corners = find_board(image, columns=columns, rows=rows)
            if corners is None:
                without.append(entry["image"])
            else:
                found.append(
                    BoardView(entry["image"], Pose.from_arrays(entry["position"], entry["quaternion"]), corners)
                )
        return found, without

    def _read(self) -> dict[str, Any]:
        path = self.folder / POSES
        try:
            content = json.loads(path.read_text())
            if not (isinstance(content["views"], list) and isinstance(content["intrinsics"], dict)):
                raise KeyError("views")
        except FileNotFoundError as error:
            raise UserError(f"{path} does not exist; take pictures first: prpd calibrate camera --capture") from error
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} is no calibration session ({error}); take the pictures again") from error
        return content


def find_board(image: np.ndarray, *, columns: int, rows: int) -> np.ndarray | None:
    """(columns * rows, 2) px, inner corners of a chessboard, row by row; None if it is not seen whole.

    The first is always the same one: the outermost square beside it is dark. A board of which both numbers are odd, or
    both even, looks the same turned by half, so that its corners cannot be told apart.
    """
    if columns % 2 == rows % 2:
        raise UserError(
            f"a board of {columns}x{rows} inner corners looks the same upside down; use one odd and one even number"
        )
    found, corners = cv2.findChessboardCornersSB(
        image, (columns, rows), cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE
    )
    if not found:
        return None
    corners = corners.reshape(-1, 2)
    inner = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 1, 2).astype(np.float32)
    homography, _ = cv2.findHomography(inner, corners)
    probes = np.array([[[-0.5, -0.5]], [[columns - 0.5, rows - 0.5]]], np.float32)
    ends = np.clip(
        cv2.perspectiveTransform(probes, homography).reshape(2, 2).round().astype(int),
        0,
        np.array(image.shape[::-1]) - 1,
    )
    first, last = (int(image[v, u]) for u, v in ends)
    return corners if first < last else corners[::-1]
