"""Digs as sequences of bucket poses, one per control period: a scripted one, and one that a policy has dug."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from driver_rig import HOME

from prpd_control.trials.ledger import Ledger, unpack

Targets = list[tuple[float, ...]]


def along(corners: Iterable[tuple[float, ...]], *, start: tuple[float, ...] = HOME) -> Targets:
    """From corner to corner in steps that a policy may take."""
    targets, place = [], np.array(start)
    for corner in corners:
        way = np.array(corner) - place
        count = math.ceil(max(np.linalg.norm(way[:3]) / 0.018, abs(way[3]) / 0.08))
        targets += [tuple(place + way * (i + 1) / count) for i in range(count)]
        place = np.array(corner)
    return targets


def scripted() -> Targets:
    """From home and back: approach, penetrate, drag, curl, lift."""
    return along(
        [(0.0, -0.22, 0.14, 0.0), (0.0, -0.16, 0.0, -0.4), (0.02, -0.10, -0.06, -0.3), (0.02, 0.04, -0.06, 0.0),
         (0.0, 0.06, -0.03, 0.5), (0.0, 0.06, 0.12, 0.6), (0.0, -0.10, 0.2, 0.2), HOME]
    )  # fmt: skip


def recorded(path: Path) -> Targets:
    """From home and back, by the commands of the first trial in a ledger that excavated its rock."""
    with Ledger(path, writable=False) as ledger:
        trial = next((t for t in ledger.trials() if t.success and t.trajectory), None)
    if trial is None:
        raise ValueError(f"no trial of {path} has excavated a rock; run `prpd demo` and give its ledger")
    # What the policy sees of the bucket, first in its observation, is where it was last sent.
    targets = [tuple(seen[:4]) for seen in unpack(trial.trajectory)["observation"]]
    x, y, z, pitch = targets[-1]
    return [*along(targets[:1]), *targets, *along([(x, y, max(z, HOME[2]), pitch), HOME], start=targets[-1])]
