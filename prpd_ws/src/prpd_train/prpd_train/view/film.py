"""Films of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

import cv2
import numpy as np
from PIL import Image

FRAMES_PER_SECOND = 10
"""As many as control steps."""


def write_film(path: Path, frames: Sequence[np.ndarray]) -> None:
    """Write RGB pictures of one size as a `.gif` or `.mp4`."""
    if path.suffix == ".gif":
        images = [Image.fromarray(frame).quantize(96) for frame in frames]
        images[0].save(path, save_all=True, append_images=images[1:], duration=1000 // FRAMES_PER_SECOND, loop=0)
        return
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), FRAMES_PER_SECOND, (width, height))
    if not writer.isOpened():
        raise RuntimeError(f"this OpenCV cannot write {path}; use --film gif")
    for frame in frames:
        writer.write(frame[..., ::-1])
    writer.release()
