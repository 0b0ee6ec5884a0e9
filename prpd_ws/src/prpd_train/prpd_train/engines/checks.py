"""Refuse bad input before anything is allocated or moved."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from prpd_task.arrays import Array, to_numpy
from prpd_train.scene.spec import SceneSpec


def check_specs(specs: Sequence[SceneSpec]) -> None:
    """One simulator holds scenes of one grain size, preset, bucket and footprint."""
    if not specs:
        raise ValueError("a simulator needs at least one scene")
    for name, key in (
        ("delta", lambda s: s.delta),
        ("preset", lambda s: s.preset),
        ("bucket", lambda s: s.bucket),
        ("contacts", lambda s: s.contacts),
        ("bed footprint", lambda s: s.bed.footprint),
    ):
        values = {key(spec) for spec in specs}
        if len(values) > 1:
            raise ValueError(
                f"the scenes of one simulator must share their {name}, but there are {len(values)}: {values}"
            )


def check_reset(first: SceneSpec, env_ids: Sequence[int], specs: Sequence[SceneSpec], num_envs: int) -> None:
    """Whether these scenes fit this simulator."""
    check_specs([first, *specs])
    if len(env_ids) != len(specs):
        raise ValueError(f"{len(env_ids)} environments to reset, but {len(specs)} scenes for them")
    if len(set(env_ids)) != len(env_ids) or not all(0 <= e < num_envs for e in env_ids):
        raise ValueError(f"environments to reset must be distinct and in 0..{num_envs - 1}, not {list(env_ids)}")


def check_poses(what: str, poses: Array, count: int) -> np.ndarray:
    """Bucket poses or targets as float32 (count, 4), all finite."""
    poses = to_numpy(poses).astype(np.float32, copy=False)
    if poses.shape != (count, 4):
        raise ValueError(f"{what} must have the shape ({count}, 4), not {poses.shape}")
    if not np.isfinite(poses).all():
        raise ValueError(
            f"{what} must be finite, but rows {np.flatnonzero(~np.isfinite(poses).all(1)).tolist()} are not"
        )
    return poses


def check_duration(duration: float) -> None:
    """A step takes time."""
    if not (np.isfinite(duration) and duration > 0):
        raise ValueError(f"a step's duration must be positive and finite, not {duration!r}")
