"""Whether the soil is where calibration says: the check against a camera that was bumped or turned round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prpd_perception.height_map import HeightMap


@dataclass(frozen=True)
class PlaneLimits:
    """How far the soil's mean plane may be from nominal. Heaps tilt it too, so these cannot be tight."""

    tilt: float = 0.30
    """rad. The most crooked of 201 beds of the twin, 0.16 m wide, of 18 mm grains, is tilted by 0.28."""
    height: float = 0.05
    """m."""
    least_seen: float = 0.35
    """Share of the middle of the map that must be seen."""
    half_width: float = 0.07
    """m, of the middle that is looked at."""


@dataclass(frozen=True)
class SoilPlane:
    """Robust fit of a plane to the soil."""

    tilt: float
    """rad, from the horizontal."""
    height: float
    """m, in the middle of the box, over the nominal surface."""
    seen: float
    """Share of the middle of the map that is seen."""

    def problem(self, limits: PlaneLimits) -> str | None:
        """What speaks against the calibration; None if nothing does."""
        if self.seen < limits.least_seen:
            return (
                f"only {100 * self.seen:.0f} % of the soil's middle is where it should be; calibrate the camera again"
            )
        if self.tilt > limits.tilt:
            return (
                f"the soil seems tilted by {np.degrees(self.tilt):.1f} degrees; level it or calibrate the camera again"
            )
        if abs(self.height) > limits.height:
            return f"the soil seems {1000 * self.height:+.0f} mm off its height; refill or calibrate the camera again"
        return None


def fit_soil_plane(soil: HeightMap, limits: PlaneLimits = PlaneLimits()) -> SoilPlane:
    """Fit with Huber weights, so that a rock or a hole does not tilt the plane."""
    x, y = np.meshgrid(*soil.grid.axes())
    middle = (np.abs(x) < limits.half_width) & (np.abs(y) < limits.half_width)
    use = middle & soil.seen
    seen = float(use.sum() / middle.sum())
    if use.sum() < 30:
        return SoilPlane(0.0, 0.0, seen)
    design = np.stack([x[use], y[use], np.ones(int(use.sum()))], 1)
    z = soil.height[use]
    weight = np.ones(len(z))
    for _ in range(6):
        solution, *_ = np.linalg.lstsq(design * weight[:, None], z * weight, rcond=None)
        residual = np.abs(z - design @ solution)
        scale = max(1.4826 * float(np.median(residual)), 1e-4)
        weight = np.sqrt(np.minimum(1.0, 1.345 * scale / np.maximum(residual, 1e-9)))
    return SoilPlane(float(np.arctan(np.hypot(solution[0], solution[1]))), float(solution[2]), seen)
