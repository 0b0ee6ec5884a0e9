"""What the estimator answers, and how it is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from prpd_perception.detector import Candidate
from prpd_perception.height_map import HeightMap
from prpd_perception.shape import Shape
from prpd_perception.soil_plane import PlaneLimits, SoilPlane
from prpd_perception.tracker import TrackerConfig


class Status(IntEnum):
    """As in prpd_interfaces/RockState."""

    OK = 0
    OCCLUDED = 1
    LOST = 2
    STALE_IMAGE = 3
    BAD_IMAGE = 4
    CAMERA_MOVED = 5


class BadImageError(ValueError):
    """An image that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class EstimatorConfig:
    """Set-up of the estimator."""

    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    plane: PlaneLimits = field(default_factory=PlaneLimits)
    check_frames: int = 5
    """Frames at the start whose soil plane must agree with the calibration."""
    least_valid: float = 0.10
    """Share of the watched part of the image that must carry a depth."""
    bucket_margin: float = 0.007
    """m around the bucket's geometry that counts as bucket."""
    intruder_points: int = 45
    """Points over the soil that are no bucket, of every third pixel each way, from which on something is in the way
    (a hand?)."""
    nominal_area: float = 0.00375
    """m^2, mean silhouette of a rock: a quarter of the surface of a 50 mm cube."""
    prior_position: tuple[float, float, float] | None = None
    """m, soil frame: where the operator believes a rock that cannot be seen."""
    prior_deviation: float = 0.03
    """m, of that belief."""
    expected: float = 0.5
    """Probability that there is a rock, before an image is seen: 0.5 takes the detector's scores as they are."""
    max_gap: float = 1.0
    """s between frames from which the tracker starts anew."""


@dataclass(frozen=True)
class RockEstimate:
    """The rock as known after one image. Positions in the soil frame."""

    stamp: float
    """s, of the image."""
    status: Status
    message: str = ""
    identity: int = 0
    position: np.ndarray = field(default_factory=lambda: np.zeros(3))
    """(3,) m."""
    covariance: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))
    """(3, 3) m^2."""
    shape: Shape | None = None
    visible_fraction: float = 0.0
    confidence: float = 0.0
    in_bucket: float = 0.0
    surface_height: float = 0.0
    """m, of the soil around the rock."""
    candidates: tuple[Candidate, ...] = ()
    soil: HeightMap | None = None
    plane: SoilPlane | None = None
    surface: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    """(N, 3) m, points of the rock's surface, for debugging."""
    cloud: np.ndarray = field(default_factory=lambda: np.zeros((3, 0), np.float32))
    """(3, N) m, the points of the soil's map, for debugging."""
