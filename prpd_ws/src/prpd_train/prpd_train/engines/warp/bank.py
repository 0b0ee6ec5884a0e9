"""Settled scenes, kept where the engine computes, so that a reset copies arrays and nothing else."""

from __future__ import annotations

from collections import OrderedDict
from typing import Mapping, Sequence

import numpy as np

from prpd_task.arrays import Array, like, namespace


class SceneBank:
    """The most recently used scenes: of each, one environment's rows of all arrays."""

    def __init__(self, rows: Mapping[str, Array], limit: int) -> None:
        """`rows` are the environments' own arrays (N, ...), as views; `limit` is in bytes."""
        self._rows = rows
        self._most = max(1, limit // sum(row[0].nbytes for row in rows.values()))
        self.clear()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def clear(self) -> None:
        """Forget all scenes."""
        self._places: OrderedDict[str, int] = OrderedDict()
        self._kept = {name: row[:0] for name, row in self._rows.items()}

    def copy(self, env: int, others: Sequence[int]) -> None:
        """Make other environments equal to `env`."""
        if others:
            to, source = self._index(others), self._index([env] * len(others))
            for row in self._rows.values():
                row[to] = row[source]

    def keep(self, key: str, env: int) -> None:
        """Remember what is in an environment, in the place of the scene that was not used for longest if need be."""
        place = len(self._places)
        if place == self._most:
            place = self._places.popitem(last=False)[1]
        elif place == len(next(iter(self._kept.values()))):
            self._grow(min(self._most, max(8, 2 * place)))
        for name, row in self._rows.items():
            self._kept[name][place] = row[env]
        self._places[key] = place

    def restore(self, envs_of: Mapping[str, Sequence[int]]) -> None:
        """Put known scenes into the environments that each key names."""
        envs = [env for envs in envs_of.values() for env in envs]
        places = [self._places[key] for key, envs in envs_of.items() for _ in envs]
        for key in envs_of:
            self._places.move_to_end(key)
        if envs:
            to, source = self._index(envs), self._index(places)
            for name, row in self._rows.items():
                row[to] = self._kept[name][source]

    def _index(self, numbers: Sequence[int]) -> Array:
        """Where the arrays are: once, not anew for each array."""
        return like(next(iter(self._rows.values())), np.asarray(numbers, np.int64))

    def _grow(self, places: int) -> None:
        for name, kept in self._kept.items():
            more = namespace(kept).zeros_like(self._rows[name][:1])
            self._kept[name] = namespace(kept).concatenate([kept, *[more] * (places - len(kept))])
