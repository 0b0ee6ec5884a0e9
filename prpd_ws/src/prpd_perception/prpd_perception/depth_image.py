"""Decode what arrives as a depth image; anything that is not one is refused with a reason."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from prpd_perception.estimate import BadImageError
from prpd_task.cell import Intrinsics

_ENCODINGS = {"16UC1": ("u2", 0.001), "mono16": ("u2", 0.001), "32FC1": ("f4", 1.0)}


def decode_depth(*, data: Any, width: int, height: int, step: int, encoding: str, big_endian: bool) -> np.ndarray:
    """(height, width) float32 m from the fields of a sensor_msgs/Image; holes are 0 or NaN."""
    if encoding not in _ENCODINGS:
        raise BadImageError(f"encoding {encoding!r} is no depth image; expected one of {', '.join(_ENCODINGS)}")
    kind, metres = _ENCODINGS[encoding]
    itemsize = int(kind[1])
    if width <= 0 or height <= 0 or width > 4096 or height > 4096:
        raise BadImageError(f"an image of {width}x{height} cannot be used; expected 1 to 4096 pixels a side")
    if step < width * itemsize or step % itemsize:
        raise BadImageError(f"step {step} does not fit rows of {width} {encoding} pixels")
    raw = np.frombuffer(data, np.uint8)
    if raw.size < step * height:
        raise BadImageError(f"{raw.size} bytes are too few for {height} rows of {step}")
    swapped = big_endian != (sys.byteorder == "big")
    kind = (">" if sys.byteorder == "little" else "<") + kind if swapped else kind
    rows = raw[: step * height].view(kind).reshape(height, step // itemsize)[:, :width]
    depth = rows.astype(np.float32)
    return depth if metres == 1.0 else depth * np.float32(metres)


def intrinsics_of(*, width: int, height: int, k: Any) -> Intrinsics:
    """From the fields of a sensor_msgs/CameraInfo of a rectified image."""
    matrix = np.asarray(k, float).reshape(-1)
    if matrix.size != 9:
        raise BadImageError(f"the camera matrix has {matrix.size} numbers, not 9; check the camera_info topic")
    return Intrinsics(int(width), int(height), float(matrix[0]), float(matrix[4]), float(matrix[2]), float(matrix[5]))
