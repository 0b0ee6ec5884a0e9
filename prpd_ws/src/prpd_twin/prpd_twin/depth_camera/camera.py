"""The camera as a whole: what the soil world shows, rendered and made noisy."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_twin.depth_camera.noise import DepthNoise, NoiseModel, millimetres
from prpd_twin.depth_camera.renderer import DepthRenderer
from prpd_twin.snapshot import SnapshotReader

_BACKGROUNDS = 4
PATIENCE = 0.03
"""s, for a state of the soil. One comes each 0.02 s."""


@dataclass(frozen=True)
class Exposure:
    """One image."""

    stamp_ns: int
    depth: np.ndarray
    """(H, W) uint16 mm, 0 for holes."""
    begun: float
    """s, of this process's clock, when the soil's state was there."""


class VirtualCamera:
    """Turns snapshots of the soil into depth images.

    Only the part of the image in which something can move is rendered each time; around it stand a few noisy pictures
    of the still background, in turn.
    """

    def __init__(
        self, *, reader: SnapshotReader, cell: Cell, bucket: BucketGeometry, noise: NoiseModel, seed: int = 0
    ) -> None:
        self._reader, self._cell, self._bucket = reader, cell, bucket
        shape = (cell.intrinsics.height, cell.intrinsics.width)
        self._noise = DepthNoise(noise, fx=cell.intrinsics.fx, shape=shape, seed=seed)
        self._revision, self._stamp_ns, self._count = -1, 0, 0
        self._renderer: DepthRenderer | None = None
        self._backgrounds: list[np.ndarray] = []

    def expose(self, since_ns: int = 0) -> Exposure | None:
        """An image of the soil's first state of `since_ns` or later, if it comes soon, else of the newest; None if that
        was shown before.
        """
        snapshot = self._reader.since(since_ns, PATIENCE)
        begun = time.monotonic()
        if snapshot is None or snapshot.stamp_ns == self._stamp_ns:
            return None
        if snapshot.scene_revision != self._revision and not self._prepare(snapshot.scene_revision):
            return None
        if self._renderer is None:
            return None
        view = self._renderer.render(grains=snapshot.grains, rock=snapshot.rock, bucket=snapshot.bucket)
        image = self._backgrounds[self._count % _BACKGROUNDS].copy()
        window = view.window
        image[window] = millimetres(self._noise.apply(view.depth[window]))
        self._stamp_ns, self._count = snapshot.stamp_ns, self._count + 1
        return Exposure(snapshot.stamp_ns, image, begun)

    def _prepare(self, revision: int) -> bool:
        scene = self._reader.scene()
        if scene is None:
            return False
        self._renderer = DepthRenderer(scene=scene, cell=self._cell, bucket=self._bucket)
        empty = self._renderer.render(grains=np.zeros((0, 3), np.float32), rock=None, bucket=None).depth
        self._backgrounds = [millimetres(self._noise.apply(empty)) for _ in range(_BACKGROUNDS)]
        self._revision = revision
        return True
