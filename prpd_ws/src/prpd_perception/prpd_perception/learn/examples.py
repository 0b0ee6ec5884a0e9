"""Training examples for the detector: height maps with what the network should say of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Camera, Window
from prpd_perception.height_map import SOIL_GRID, STRIDE, HeightMap, blocks
from prpd_perception.viewer import MIDDLE, SOIL_REGION, SURROUNDINGS, Viewer
from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import bucket_to_soil, soil_to_bucket
from prpd_twin.depth_camera.random_scenes import Frame, RandomFrames, SceneRanges

EXPOSURES, EXPOSURE_SHARES = (1, 2, 4, 8, 16), (0.3, 0.15, 0.15, 0.2, 0.2)
"""How many images of a scene the estimator has seen, and how often."""
MOVING_SHARE = 0.4
"""Of the scenes with a bucket in which it has just moved."""
BORDER = 28
"""px around what the estimator looks at: things there cast stereo shadows into it."""


@dataclass(frozen=True)
class Example:
    """One height map and what the network should say of it."""

    channels: np.ndarray
    """(6, rows, columns) float16."""
    surface: np.ndarray
    """(rows/2, columns/2) float16, share of each block's points that lie on the rock."""
    centre: np.ndarray
    """(3,) m, of the rock in the map's frame; NaN without a rock."""
    shown: float
    """Share of the rock's silhouette that is points of this map."""


HALF_BURIED = SceneRanges(rock_depth=(-0.035, 0.0), rock_share=0.9)
"""Half of the scenes are drawn from these: rocks that are hard to see are rare otherwise."""


@lru_cache(maxsize=8)
def _mask(geometry: BucketGeometry) -> BucketMask:
    return BucketMask(geometry, Cell())


def watched(cell: Cell, bucket: np.ndarray | None) -> Window:
    """The part of the image that the estimator's maps are made of, and its surroundings."""
    camera = Camera(cell.intrinsics, cell.soil_from_camera)
    parts = [camera.window(SOIL_REGION)]
    if bucket is not None:
        parts.append(camera.patch(bucket_to_soil(bucket, np.array(MIDDLE)), SURROUNDINGS))
    rows, columns = (
        slice(max(min(s.start for s in along) - BORDER, 0), min(max(s.stop for s in along) + BORDER, size))
        for along, size in zip(zip(*parts, strict=True), (cell.intrinsics.height, cell.intrinsics.width), strict=True)
    )
    return rows, columns


def random_view(source: RandomFrames, rng: np.random.Generator) -> tuple[Frame, list[HeightMap]]:
    """A random scene at rest, after a random number of images."""
    frames = source.exposures(int(rng.choice(EXPOSURES, p=EXPOSURE_SHARES)))
    frame = frames[0]
    viewer = Viewer(Camera(frame.cell.intrinsics, frame.cell.soil_from_camera), _mask(frame.bucket_geometry))
    pose = frame.bucket_pose
    elsewhere = None if pose is None or rng.random() > MOVING_SHARE else pose + 0.1
    *before, last = (exposure.depth.astype(np.float32) / 1000 for exposure in frames)
    for depth in before:
        viewer.add(depth, pose if elsewhere is None else elsewhere)
    viewer.add(last, pose)
    soil, bowl = viewer.soil(pose), viewer.bowl(pose)
    return frame, [soil] if bowl is None else [soil, bowl]


def examples(frame: Frame, views: list[HeightMap]) -> list[Example]:
    """Of one frame: the soil's map, and the bowl's if there is one."""
    pose = frame.bucket_pose
    silhouette = frame.rock_mask.sum() / frame.visible_fraction if frame.visible_fraction else np.inf
    result = []
    for one in views:
        if frame.rock_position is None:
            centre = np.full(3, np.nan)
        else:
            centre = soil_to_bucket(pose, frame.rock_position) if one.in_bowl else frame.rock_position
        on_rock = frame.rock_mask[one.points.window].reshape(-1)[one.points.pixel]
        result.append(_widened(_example(one, on_rock, centre, silhouette)))
    return result


def random_examples(seed: list[int], number: int) -> list[Example]:
    """Of `number` random scenes."""
    sources = [RandomFrames([*seed, k], r, watched=watched) for k, r in enumerate((SceneRanges(), HALF_BURIED))]
    rng = np.random.default_rng([*seed, 2])
    return [e for i in range(number) for e in examples(*random_view(sources[i % 2], rng))]


def _example(view: HeightMap, on_rock: np.ndarray, centre: np.ndarray, silhouette: float) -> Example:
    shape = view.grid.shape
    count = np.bincount(view.index, minlength=np.prod(shape)).reshape(shape)
    rock = np.bincount(view.index, on_rock[view.source], np.prod(shape)).reshape(shape)
    share = blocks(rock) / np.maximum(blocks(count), 1)
    return Example(
        channels=view.channels.astype(np.float16),
        surface=share.astype(np.float16),
        centre=centre.astype(np.float32),
        shown=float(rock.sum() / silhouette),
    )


def _widened(example: Example) -> Example:
    """With unseen cells around, if it is smaller than the soil's map.

    A batch must mix both kinds of map, since the network's running statistics serve both.
    """
    rows, columns = ((n - m) // 2 for n, m in zip(SOIL_GRID.shape, example.channels.shape[1:], strict=True))
    channels = np.pad(example.channels, ((0, 0), (rows, rows), (columns, columns)))
    channels[-1] = example.channels[-1].max()
    rows, columns = rows // STRIDE, columns // STRIDE
    return replace(example, channels=channels, surface=np.pad(example.surface, ((rows, rows), (columns, columns))))
