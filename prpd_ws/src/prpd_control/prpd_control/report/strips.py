"""A trial as a strip of depth images, from its recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from prpd_control.report.plots import grid
from prpd_control.trials.ledger import Trial

TOPIC = "/camera/depth/image_rect_raw"
COUNT = 7


def strip(folder: Path, trial: Trial) -> Figure | None:
    """Images at equal distances in time; None where there is no readable recording with images."""
    path = folder / trial.recording
    if not trial.recording or not path.is_file():
        return None
    frames = depth_frames(path)
    if not frames:
        return None
    chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, min(COUNT, len(frames))).round().astype(int)]
    valid = np.concatenate([image[image > 0].ravel()[::50] for _, image in chosen])
    near, far = np.percentile(valid, [1, 99]) if len(valid) else (0.0, 1.0)
    titles = [f"{time - frames[0][0]:.1f} s" for time, _ in chosen]
    images = [np.where(image > 0, image, np.nan) for _, image in chosen]
    return grid(images, titles, cmap="viridis_r", vmin=near, vmax=far)


def depth_frames(path: Path) -> list[tuple[float, np.ndarray]]:
    """(time in s, depth in m) of each recorded image, at half the resolution."""
    from mcap.exceptions import McapError
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    frames = []
    try:
        with path.open("rb") as file:
            reader = make_reader(file, decoder_factories=[DecoderFactory()])
            for _, _, message, image in reader.iter_decoded_messages(topics=[TOPIC]):
                millimetres = image.encoding == "16UC1"
                raw = np.frombuffer(bytes(image.data), np.uint16 if millimetres else np.float32)
                depth = raw.astype(np.float32).reshape(image.height, -1)[::2, ::2] * (1e-3 if millimetres else 1.0)
                frames.append((message.log_time * 1e-9, np.nan_to_num(depth)))
    except (McapError, EOFError, ValueError):
        return []  # cut off by a kill: the ledger's row says so
    return frames
