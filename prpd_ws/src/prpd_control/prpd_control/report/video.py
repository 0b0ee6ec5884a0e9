"""A trial as a film, from its recording: what the camera saw, beside bucket, rock and soil drawn from the side."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from prpd_control.report.strips import HIGH, RAISED, depth_frames, raised, read, relief
from prpd_task.bucket import BucketGeometry

RATE = 10.0
"""Hz, of the film; the camera's pictures stand still between two recorded ones."""
SIZE = 480
"""px, height of the film, and width of either half."""
LEFT, TOP, SCALE = -0.30, 0.32, 800.0
"""m, y and z in the soil frame of the drawing's upper left corner; px per m."""
INK, SOIL, SEEN, TRUE = (60, 60, 60), (128, 178, 204), (60, 90, 230), (90, 140, 60)
"""Colours as blue, green, red."""


@dataclass
class _Moment:
    """The newest that is known at one time; positions are (y, z) in m, soil frame."""

    bucket: tuple[float, float, float] | None = None
    """y, z and pitch."""
    force: float = 0.0
    """N."""
    seen: tuple[float, float] | None = None
    true: tuple[float, float] | None = None
    path: list[tuple[float, float]] = field(default_factory=list)
    """Of the bucket, so far."""


def write_video(recording: Path, target: Path, *, title: str) -> bool:
    """Write `target` (WebM, VP9); False where the recording is not there, was cut off, or holds no images."""
    images = depth_frames(recording)
    if not images:
        return False
    pictures = _pictures([image for _, image in images])
    events = read(recording, ["/bucket/state", "/rock/state", "/soil/state"])
    target.parent.mkdir(parents=True, exist_ok=True)
    with _quiet():
        codec = cv2.VideoWriter.fourcc(*"VP90")
        writer = cv2.VideoWriter(str(target), cv2.CAP_FFMPEG, codec, RATE, (2 * SIZE, SIZE))
    if not writer.isOpened():
        raise OSError(f"{target} cannot be written as WebM; is there room, and may you write there?")
    moment, event, start = _Moment(), next(events, None), images[0][0]
    shown = 0
    for tick in range(round((images[-1][0] - start) * RATE) + 1):
        now = start + tick / RATE
        while event is not None and event[1] <= now:
            _update(moment, event[0], event[2])
            event = next(events, None)
        while shown + 1 < len(images) and images[shown + 1][0] <= now:
            shown += 1
        side = _side(moment, f"{title}, {now - start:4.1f} s, {moment.force:3.0f} N")
        writer.write(np.hstack([pictures[shown], side]))
    writer.release()
    return True


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what OpenCV writes to stderr about a tag that WebM does not have, and does not need."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _update(moment: _Moment, topic: str, message: object) -> None:
    """Take in one message; its type is that of its topic."""
    if topic == "/bucket/state":
        p, f = message.pose.position, message.wrench.force  # type: ignore[attr-defined]
        moment.bucket = (p.y, p.z, message.pitch)  # type: ignore[attr-defined]
        moment.force = float(np.linalg.norm([f.x, f.y, f.z]))
        moment.path.append((p.y, p.z))
    elif topic == "/rock/state":
        p = message.pose.pose.position  # type: ignore[attr-defined]
        known = message.status <= 1  # type: ignore[attr-defined]  # seen, or tracked unseen
        moment.seen = (p.y, p.z) if known else None
    else:
        p = message.rock.position  # type: ignore[attr-defined]
        moment.true = (p.y, p.z)


def _pictures(images: list[np.ndarray]) -> list[np.ndarray]:
    """Height above the ground in colours, cut to where anything happens, as squares."""
    heights = [relief(image, images[0]) for image in images]
    rows, columns = raised(heights)
    squares = []
    for height in heights:
        cut = height[rows, columns]
        share = np.nan_to_num((cut + RAISED) / (HIGH + RAISED))
        colours = cv2.applyColorMap((255 * np.clip(share, 0, 1)).astype(np.uint8), cv2.COLORMAP_TURBO)
        colours[np.isnan(cut)] = 221
        scale = SIZE / max(cut.shape)
        colours = cv2.resize(colours, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
        down, right = SIZE - colours.shape[0], SIZE - colours.shape[1]
        edges = (down // 2, down - down // 2, right // 2, right - right // 2)
        squares.append(cv2.copyMakeBorder(colours, *edges, cv2.BORDER_CONSTANT, value=(255, 255, 255)))
    return squares


def _side(moment: _Moment, text: str) -> np.ndarray:
    """Bucket, its path, and the rock as perceived (red) and as it is (green), looking along x."""
    canvas = np.full((SIZE, SIZE, 3), 255, np.uint8)
    surface = _pixels(np.array([(0.0, 0.0)]))[0][1]
    canvas[surface:] = SOIL
    cv2.putText(canvas, text, (10, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.5, INK, 1, cv2.LINE_AA)
    if len(moment.path) > 1:
        cv2.polylines(canvas, [_pixels(np.array(moment.path))], False, (190, 190, 190), 1, cv2.LINE_AA)
    for place, colour in ((moment.true, TRUE), (moment.seen, SEEN)):
        if place is not None:
            cv2.circle(canvas, _pixels(np.array([place]))[0].tolist(), 16, colour, 2, cv2.LINE_AA)
    if moment.bucket is not None:
        cv2.polylines(canvas, [_pixels(_bowl(*moment.bucket))], False, INK, 4, cv2.LINE_AA)
    return canvas


def _bowl(y: float, z: float, pitch: float) -> np.ndarray:
    """(3, 2) m: back and floor of the bucket from the side; `y`, `z` of its origin, `pitch` lifts the tips."""
    bucket = BucketGeometry()
    back, tip = -bucket.length / 2, bucket.length / 2
    points = np.array([(back, bucket.height), (back, 0.0), (tip, 0.0)])
    c, s = np.cos(pitch), np.sin(pitch)
    return points @ np.array([(c, s), (-s, c)]) + (y, z)


def _pixels(points: np.ndarray) -> np.ndarray:
    """(N, 2) integers of the drawing from (N, 2) m, y and z."""
    return (np.array([points[:, 0] - LEFT, TOP - points[:, 1]]).T * SCALE).round().astype(np.int32)
