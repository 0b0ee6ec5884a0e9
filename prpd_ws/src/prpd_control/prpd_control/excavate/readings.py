"""What the excavation knows of bucket and rock, free of ROS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from prpd_control.modes import Mode
from prpd_task.observation import observe
from prpd_task.spec import TaskSpec

UNKNOWN_ROCK_SIZE = 0.05
"""m, edge of the nominal rock: taken where perception does not know the size."""


class RockStatus(IntEnum):
    """Of a rock state, as in RockState.msg."""

    OK = 0
    OCCLUDED = 1
    LOST = 2
    STALE_IMAGE = 3
    BAD_IMAGE = 4
    CAMERA_MOVED = 5


@dataclass(frozen=True)
class BucketReading:
    """One measurement of the bucket, in the soil frame."""

    stamp: float
    """s, when it was measured, in the clock of the graph."""
    pose: np.ndarray
    """(4,) x, y, z in m, pitch in rad."""
    force: np.ndarray
    """(3,) N, on the bucket."""
    mode: Mode
    reason: str = ""
    """Why the driver does not follow commands."""


@dataclass(frozen=True)
class RockReading:
    """One estimate of the rock, in the soil frame."""

    stamp: float
    """s, of the image."""
    position: np.ndarray
    """(3,) m, centre."""
    size: np.ndarray
    """(3,) m, full extents; 0 where unknown."""
    in_bucket: float
    """Belief, 0 to 1."""
    confidence: float
    """0 to 1."""
    surface_height: float
    """m, of the soil around the rock."""
    status: RockStatus
    message: str = ""

    @property
    def usable(self) -> bool:
        """Whether position and belief mean something."""
        return self.status in (RockStatus.OK, RockStatus.OCCLUDED)

    @property
    def edge(self) -> float:
        """m, of a cube of the rock's volume."""
        size = np.where(self.size > 0, self.size, UNKNOWN_ROCK_SIZE)
        return float(np.prod(size) ** (1 / 3))

    @property
    def bottom(self) -> float:
        """m, estimated height of the rock's lowest point: half its smallest known extent below its centre."""
        return float(self.position[2] - 0.5 * np.where(self.size > 0, self.size, UNKNOWN_ROCK_SIZE).min())


def observation(
    spec: TaskSpec, bucket: BucketReading, rock: RockReading, *, carried: bool, target: np.ndarray
) -> np.ndarray:
    """(n,) the policy's input, in the contract's order and units.

    As in training: `target` (4,) is where the bucket was last sent, which it reaches a moment later, and the rock is
    where it was seen a moment ago, `carried` or not.
    """
    return observe(
        spec,
        bucket_target=target,
        rock_position=rock.position,
        rock_in_bucket=np.float64(carried),
        bucket_force=bucket.force,
        rock_size=np.float64(rock.edge),
        surface_height=np.float64(rock.surface_height),
    )
