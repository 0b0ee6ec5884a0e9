"""What is between bucket and arm, as boxes in the bucket frame: seen by the camera, and in its way."""

from __future__ import annotations

from typing import List

import numpy as np

from prpd_task.bucket import Box, BucketGeometry
from prpd_task.cell import Cell

WIDTH = 0.03
"""m, of the bar from flange to bucket."""
WRIST_WIDTH, WRIST_LENGTH = 0.10, 0.16
"""m, of the arm's last joints behind the flange, roughly."""


def flange_position(cell: Cell) -> np.ndarray:
    """(3,) m, middle of the arm's flange in the bucket frame."""
    return np.array(cell.tool0_from_bucket.inverse().position)


def holder_boxes(bucket: BucketGeometry, cell: Cell) -> List[Box]:
    """A bar from the top of the bucket's back to the flange, and the wrist behind that.

    Both lean only about the lateral axis; a flange beside the bucket's middle is not described.
    """
    start = np.array([0.0, -(bucket.length + bucket.thickness) / 2, bucket.height])
    flange = flange_position(cell)
    backward = cell.tool0_from_bucket.inverse().apply(np.array([0.0, 0.0, -1.0])) - flange
    return [
        _bar("holder", start, flange, WIDTH),
        _bar("wrist", flange, flange + WRIST_LENGTH * backward, WRIST_WIDTH),
    ]


def _bar(name: str, start: np.ndarray, end: np.ndarray, width: float) -> Box:
    way = end - start
    x, y, z = (float(v) for v in (start + end) / 2)
    length = float(np.linalg.norm(way))
    return Box(name, (x, y, z), (width, width, length), float(np.arctan2(-way[1], way[2])))
