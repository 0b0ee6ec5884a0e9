"""Domain randomisation: the ranges, and one sample of them.

The ranges of the paper, and the yaw of the rock. What acts on the physical scene (masses, volumes, friction, positions)
is used by the scene generator; what acts on observation or actuation is carried in the sample for the environment to
apply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any, Dict, Tuple

import numpy as np

Range = Tuple[float, float]
Three = Tuple[float, float, float]


@dataclass(frozen=True)
class Sample:
    """One draw of everything that is randomised; the defaults are the values without randomisation."""

    rock_observation_noise: float = 0.0
    """m, half-width of the uniform noise on the observed rock position in x and y, fresh at each step."""
    rock_observation_bias: Tuple[float, float] = (0.0, 0.0)
    """m, constant error of the observed rock position in x and y."""
    flag_error_rate: float = 0.0
    """Probability that the rock-in-bucket flag is wrong, at each step."""
    ground_height: float = 0.0
    """m, true height of the soil's surface."""
    start_bias: Three = (0.0, 0.0, 0.0)
    """m, of the bucket's first position."""
    rock_bias: Three = (0.0, 0.0, 0.0)
    """m, of the rock's first position."""
    rock_yaw: float = 0.0
    """rad, of the rock's first attitude."""
    actuation: Three = (1.0, 1.0, 1.0)
    """Factor on the bucket's commanded displacement in x, y, z (the paper's bucket torque weight)."""
    rock_force: Three = (0.0, 0.0, 0.0)
    """N, constant external force on the rock."""
    friction: float = 1.0
    """Factor on all friction coefficients."""
    soil_mass: float = 1.0
    """Factor on the total mass of the soil."""
    rock_mass: float = 1.0
    """Factor on the mass of the rock."""
    soil_volume: float = 1.0
    """Factor on the bulk volume of the soil."""
    rock_volume: float = 1.0
    """Factor on the volume of the rock."""


@dataclass(frozen=True)
class Randomisation:
    """Ranges (low, high) of the uniform draws. A range whose ends are equal is switched off."""

    rock_observation_noise: float = 0.025
    """m, half-width of the noise on the observed rock position in x and y; 0 is off."""
    rock_observation_bias: Range = (-0.025, 0.025)
    """m, in x and y."""
    flag_error_rate: Range = (0.2, 0.2)
    """Probability of a wrong rock-in-bucket flag."""
    ground_height: Range = (-0.025, 0.025)
    """m."""
    start_bias: Range = (-0.3, 0.3)
    """m, in x, y and z."""
    rock_bias: Range = (-0.03, 0.03)
    """m, in x, y and z."""
    rock_yaw: Range = (-math.pi, math.pi)
    """rad; not in the paper, whose rocks nevertheless lie as they lie."""
    actuation: Range = (0.8, 1.2)
    """Factor, in x, y and z."""
    rock_force: Range = (0.0, 1.0)
    """N, magnitude of a force of random direction."""
    friction: Range = (0.8, 1.2)
    """Factor."""
    soil_mass: Range = (0.9, 1.1)
    """Factor: 2.7 to 3.3 kg of the paper's 3 kg."""
    rock_mass: Range = (0.8, 1.2)
    """Factor: 0.8 to 1.2 kg."""
    soil_volume: Range = ((120 / 125) ** 3, (130 / 125) ** 3)
    """Factor: 120^3 to 130^3 of the paper's 125^3 mm^3."""
    rock_volume: Range = ((45 / 50) ** 3, (55 / 50) ** 3)
    """Factor: 45^3 to 55^3 of the paper's 50^3 mm^3."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = value if isinstance(value, tuple) else (0.0, value)
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ValueError(
                    f"randomisation range {field.name} must be (low, high) with low <= high, not {value!r}"
                )
        for name in ("friction", "soil_mass", "rock_mass", "soil_volume", "rock_volume", "actuation"):
            if getattr(self, name)[0] <= 0:
                raise ValueError(f"randomisation factor {name} must stay positive, not {getattr(self, name)!r}")
        if not 0 <= self.flag_error_rate[0] <= self.flag_error_rate[1] <= 1:
            raise ValueError(f"flag_error_rate is a probability, not {self.flag_error_rate!r}")

    @classmethod
    def off(cls) -> Randomisation:
        """Every range collapsed to the value without randomisation."""
        return cls().without(*(field.name for field in fields(cls)))

    def without(self, *names: str) -> Randomisation:
        """The same with the named ranges switched off."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(names) - known)
        if unknown:
            raise ValueError(f"no randomisation is called {', '.join(unknown)}; choose from {', '.join(sorted(known))}")
        changes: Dict[str, Any] = {name: _OFF[name] for name in names}
        return replace(self, **changes)

    def sample(self, rng: np.random.Generator) -> Sample:
        """One draw. Order and number of draws are fixed, so that switching one off leaves the others as they were."""

        def draw(bounds: Range, size: int = 1) -> Tuple[float, ...]:
            return tuple(float(v) for v in bounds[0] + (bounds[1] - bounds[0]) * rng.random(size))

        bias_x, bias_y = draw(self.rock_observation_bias, 2)
        sample = Sample(
            rock_observation_noise=self.rock_observation_noise,
            rock_observation_bias=(bias_x, bias_y),
            flag_error_rate=draw(self.flag_error_rate)[0],
            ground_height=draw(self.ground_height)[0],
            start_bias=_three(draw(self.start_bias, 3)),
            rock_bias=_three(draw(self.rock_bias, 3)),
            rock_yaw=draw(self.rock_yaw)[0],
            actuation=_three(draw(self.actuation, 3)),
            friction=draw(self.friction)[0],
            soil_mass=draw(self.soil_mass)[0],
            rock_mass=draw(self.rock_mass)[0],
            soil_volume=draw(self.soil_volume)[0],
            rock_volume=draw(self.rock_volume)[0],
        )
        direction = rng.standard_normal(3)
        force = draw(self.rock_force)[0] * direction / np.linalg.norm(direction)
        return replace(sample, rock_force=_three(tuple(float(f) for f in force)))


def _three(values: Tuple[float, ...]) -> Three:
    x, y, z = values
    return (x, y, z)


_FACTORS = ("actuation", "friction", "soil_mass", "rock_mass", "soil_volume", "rock_volume")
_OFF = {
    field.name: 0.0 if field.name == "rock_observation_noise" else (1.0, 1.0) if field.name in _FACTORS else (0.0, 0.0)
    for field in fields(Randomisation)
}
