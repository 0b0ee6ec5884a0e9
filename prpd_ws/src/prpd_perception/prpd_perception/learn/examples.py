"""Training examples for the detector: height maps with, per block of cells, how much rock is in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from prpd_perception.bucket_mask import BucketMask
from prpd_perception.camera import Camera
from prpd_perception.height_map import HeightMap, block_height, blocks, maps
from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import soil_to_bucket
from prpd_twin.depth_camera.random_scenes import Frame


@dataclass(frozen=True)
class Example:
    """One height map and what the network should say of it."""

    channels: np.ndarray
    """(5, n, n) float16."""
    rock: np.ndarray
    """(n/2, n/2) float16, share of each block's points that lie on the rock."""
    centre: np.ndarray
    """(3,) m, of the rock in the map's frame; NaN without a rock."""
    height: np.ndarray
    """(n/2, n/2) float16 m, of the blocks, from which the centre's height is counted."""
    visible_fraction: float


@lru_cache(maxsize=8)
def _mask(geometry: BucketGeometry) -> BucketMask:
    return BucketMask(geometry, Cell())


def examples(frame: Frame) -> list[Example]:
    """Of one frame: the soil's map, and the bowl's if there is one."""
    camera = Camera(frame.cell.intrinsics, frame.cell.soil_from_camera)
    points = camera.points(frame.depth.astype(np.float32) / 1000)
    pose = frame.bucket_pose
    parts = None if pose is None else _mask(frame.bucket_geometry).sort(points.xyz, pose)
    on_rock = frame.rock_mask[camera.window].reshape(-1)[points.pixel]
    result = []
    for view in maps(points.xyz, parts, pose):
        if frame.rock_position is None:
            centre = np.full(3, np.nan)
        else:
            centre = soil_to_bucket(pose, frame.rock_position) if view.in_bowl else frame.rock_position
        result.append(_example(view, on_rock, centre, frame.visible_fraction))
    return result


def _example(view: HeightMap, on_rock: np.ndarray, centre: np.ndarray, visible_fraction: float) -> Example:
    n = view.grid.cells
    count = np.bincount(view.index, minlength=n * n).reshape(n, n)
    rock = np.bincount(view.index, on_rock[view.source], n * n).reshape(n, n)
    share = blocks(rock) / np.maximum(blocks(count), 1)
    return Example(
        channels=view.channels.astype(np.float16),
        rock=share.astype(np.float16),
        centre=centre.astype(np.float32),
        height=block_height(view).astype(np.float16),
        visible_fraction=visible_fraction,
    )
