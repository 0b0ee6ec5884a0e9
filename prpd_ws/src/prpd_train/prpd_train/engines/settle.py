"""Settled beds: where the surface is, and a cache of them, since an episode must begin at once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from prpd_train.scene.spec import SceneSpec

BUCKET_AWAY = (0.0, 0.0, 5.0, 0.0)
"""Bucket pose while soil settles."""


@dataclass(frozen=True)
class Settled:
    """A scene at rest, soil frame."""

    grains: np.ndarray
    """(count, 3) m."""
    grain_turns: np.ndarray | None
    """(count, 4) quaternions (x, y, z, w), for an engine whose grains turn."""
    rock_position: np.ndarray
    rock_quaternion: np.ndarray
    floor: float
    """m."""
    contacts: tuple[np.ndarray, ...] = ()
    """What the engine that settled the scene knows of the forces in it, if anything."""

    def nbytes(self) -> int:
        """Memory of the arrays."""
        turns = () if self.grain_turns is None else (self.grain_turns,)
        return sum(array.nbytes for array in (self.grains, *turns, *self.contacts))


def surface_of(spec: SceneSpec, grains: np.ndarray, rock_position: np.ndarray, floor: float) -> float:
    """m: height of the soil's surface, the same measure at every grain size.

    Soil of even density that fills the pit up to the surface, but for the rock, has its centre of mass where the grains
    have theirs. (The highest grains would tell little when there are only six.)
    """
    area = spec.bed.footprint[0] * spec.bed.footprint[1]
    mean = float(grains[:, 2].mean()) - floor
    rock_z = float(rock_position[2]) - floor
    size = spec.rock.size
    height = 2 * mean
    for _ in range(20):
        bottom, top = rock_z - size / 2, min(rock_z + size / 2, height)
        buried = max(top - bottom, 0.0) / size * spec.rock.volume
        # area h^2 / 2 - buried * middle = mean * (area h - buried)
        middle = (bottom + top) / 2
        height = mean + np.sqrt(max(mean * mean + 2 * buried * (middle - mean) / area, 0.0))
    return floor + float(height)


class SettledCache:
    """The most recently used settled scenes, by the digest of their spec, up to a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = 0
        self._scenes: OrderedDict[str, Settled] = OrderedDict()

    def get(self, spec: SceneSpec) -> Settled | None:
        """The settled scene, if it is known."""
        key = spec.digest()
        if key in self._scenes:
            self._scenes.move_to_end(key)
        return self._scenes.get(key)

    def put(self, spec: SceneSpec, settled: Settled) -> None:
        """Remember a settled scene, and forget the oldest beyond the limit."""
        key = spec.digest()
        if key not in self._scenes:
            self._bytes += settled.nbytes()
        self._scenes[key] = settled
        while self._bytes > self._limit and len(self._scenes) > 1:
            self._bytes -= self._scenes.popitem(last=False)[1].nbytes()
