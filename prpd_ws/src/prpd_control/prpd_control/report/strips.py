"""A trial as a strip of depth images, from its recording."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from prpd_control.report.plots import grid
from prpd_control.trials.ledger import Trial

TOPIC = "/camera/depth/image_rect_raw"
COUNT = 6
HIGH = 0.25
"""m above the ground where the colours end."""
LEGEND = (
    f"depth camera, height above the ground from blue to red ({HIGH:g} m and more), grey where nothing was measured"
)
RAISED = 0.02
"""m above the ground from which a pixel belongs to box, soil or bucket."""
MARGIN = 12
"""px around them."""


def strip(folder: Path, trial: Trial) -> Figure | None:
    """Images at equal distances in time; None where there is no readable recording with images."""
    frames = depth_frames(folder / trial.recording) if trial.recording else []
    if not frames:
        return None
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, min(COUNT, len(frames))).round().astype(int)]
    titles = [f"{time - frames[0][0]:.1f} s" for time, _ in chosen]
    heights = [relief(image, frames[0][1]) for _, image in chosen]
    rows, columns = raised(heights)
    return grid([height[rows, columns] for height in heights], titles, cmap="turbo", vmin=-RAISED, vmax=HIGH)


def relief(depth: np.ndarray, first: np.ndarray) -> np.ndarray:
    """How much nearer than the ground each pixel is, in m; NaN where nothing was measured.

    The ground is the plane that fits the `first` image best: without that, the slant of the view hides rock and pit.
    The inverse depth of a plane is linear in row and column.
    """
    indices = np.indices(first.shape) / 100
    row, column = indices[0], indices[1]
    ground, fits = np.zeros_like(first), first > 0
    for _ in range(3):
        if fits.sum() < 10:
            break
        terms = np.stack([row[fits], column[fits], np.ones(fits.sum())], axis=1)
        down, right, middle = np.linalg.lstsq(terms, 1 / first[fits], rcond=None)[0].tolist()
        ground = 1 / np.clip(down * row + right * column + middle, 1e-3, None)
        fits = (first > 0) & (np.abs(ground - first) < RAISED)
    return np.where(depth > 0, ground - depth, np.nan)


def raised(heights: list[np.ndarray]) -> tuple[slice, slice]:
    """Rows and columns of what stands out of the ground in any picture; all of them where nothing does."""
    raised = np.any([height > RAISED for height in heights], axis=0)
    rows, columns = (np.flatnonzero(raised.mean(axis) > 0.02) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return slice(None), slice(None)
    cut = [slice(max(0, found[0] - MARGIN), found[-1] + MARGIN) for found in (rows, columns)]
    return cut[0], cut[1]


def depth_frames(path: Path) -> list[tuple[float, np.ndarray]]:
    """(time in s, depth in m) of each recorded image, at half the resolution; none where the file was cut off."""
    frames = []
    for _, time, image in read(path, [TOPIC]):
        millimetres = image.encoding == "16UC1"
        raw = np.frombuffer(bytes(image.data), np.uint16 if millimetres else np.float32)
        depth = raw.astype(np.float32).reshape(image.height, -1)[::2, ::2] * (1e-3 if millimetres else 1.0)
        frames.append((time, np.nan_to_num(depth)))
    return frames


def read(path: Path, topics: list[str]) -> Iterator[tuple[str, float, Any]]:
    """(topic, time in s, message) in the order of time; nothing where there is no file, or one cut off by a kill."""
    from mcap.exceptions import McapError
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            reader = make_reader(file, decoder_factories=[DecoderFactory()])
            for _, channel, message, decoded in reader.iter_decoded_messages(topics=topics):
                yield channel.topic, message.log_time * 1e-9, decoded
    except (McapError, EOFError, ValueError):
        return  # the ledger's row says so
