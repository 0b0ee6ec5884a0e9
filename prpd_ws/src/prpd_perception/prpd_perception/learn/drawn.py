"""The drawn training examples: a folder for each portion of them, of which only what is asked for is read."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

PORTION = 250
"""Scenes that one worker draws at a time."""
NAMES = ("channels", "surface", "centre", "shown")
OPEN = 512
"""Files that are kept open; a process may have a thousand."""


class Maps:
    """The height maps of all portions, one after the other; they may have more gigabytes than there is memory."""

    def __init__(self, folders: Sequence[Path], lengths: Sequence[int]) -> None:
        self._folders, self._ends = folders, np.cumsum(lengths)

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        portions = np.searchsorted(self._ends, index, side="right")
        # Less than the end of its own portion, an index counts from that end backwards.
        return np.stack([_opened(self._folders[p])[i - self._ends[p]] for p, i in zip(portions, index, strict=True)])


@lru_cache(maxsize=OPEN)
def _opened(folder: Path) -> np.ndarray:
    return np.load(folder / "channels.npy", mmap_mode="r")


@dataclass(frozen=True)
class Examples:
    """Examples, stacked; see `learn.examples.Example`. The maps of the bowl stand in the middle of larger ones."""

    channels: Maps | np.ndarray
    surface: np.ndarray
    centre: np.ndarray
    shown: np.ndarray

    def __len__(self) -> int:
        return len(self.shown)


def draw(*, scenes: int, seed: int, cache: Path, workers: int = 2) -> Examples:
    """Examples of `scenes` random scenes, from the cache if they are there.

    They are drawn in portions, each with a seed of its own: the number of workers changes nothing, and what was drawn
    before an interruption counts.
    """
    from rich.progress import track

    cache.mkdir(parents=True, exist_ok=True)
    folders = [cache / f"examples_{seed}_{i}" for i in range(math.ceil(scenes / PORTION))]
    missing = [(folder, [seed, i]) for i, folder in enumerate(folders) if not folder.exists()]
    if missing:
        with multiprocessing.get_context("spawn").Pool(workers) as pool:
            for _ in track(pool.imap(_draw_portion, missing), "drawing soil boxes", len(missing)):
                pass
    surface, centre, shown = ([np.load(folder / f"{name}.npy") for folder in folders] for name in NAMES[1:])
    maps = Maps(folders, [len(part) for part in shown])
    return Examples(maps, np.concatenate(surface), np.concatenate(centre), np.concatenate(shown))


def _draw_portion(portion: tuple[Path, list[int]]) -> None:
    from prpd_perception.learn.examples import random_examples

    folder, seed = portion
    drawn = random_examples(seed, PORTION)
    keep(folder, {name: np.stack([getattr(one, name) for one in drawn]) for name in NAMES})


def keep(folder: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a portion, so that its folder has either all of it or does not exist."""
    unfinished = folder.with_suffix(".part")
    unfinished.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(unfinished / f"{name}.npy", array, allow_pickle=False)
    unfinished.rename(folder)
