"""All checks of the simulators, what each measures, and the band in which it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from prpd_train.validity import digging, soil

FRICTIONS = (0.2, 0.5, 0.8)
DEPTHS = (0.02, 0.04, 0.06)
"""m, of the plate's edge."""
SLIDING = 0.4
"""Friction coefficient between rock and bucket."""
Values = Dict[str, float]
Results = Dict[str, Dict[str, Dict[str, Values]]]
"""Engine, grain size in mm, check."""


@dataclass(frozen=True)
class Options:
    """How long and how often."""

    rest_time: float
    """s."""
    scenes: int
    """Beds in which a rock looks for rest."""
    heap: int
    """Grains of a column that collapses."""
    digs: int
    """Beds in which a bucket digs that feels the soil."""


FULL = Options(rest_time=10.0, scenes=12, heap=250, digs=8)
QUICK = Options(rest_time=2.0, scenes=4, heap=120, digs=2)


def _rest(engine: str, delta: float, options: Options) -> Values:
    found = soil.rest(engine, delta, options.rest_time)
    scenes = options.scenes if delta >= 0.02 else 2
    return {
        "speed mm/s": 1e3 * found.speed,
        "surface drift mm": 1e3 * found.surface_drift,
        "rock drift mm": 1e3 * found.rock_drift,
        "rocks at rest": soil.rest_share(engine, delta, scenes),
    }


def _packing(engine: str, delta: float, _: Options) -> Values:
    return {"solid fraction": soil.packing_fraction(engine, delta)}


def _heap(engine: str, delta: float, options: Options) -> Values:
    heaps = [soil.heap(engine, delta, friction, options.heap) for friction in FRICTIONS]
    angles = [float(np.degrees(heap.angle)) for heap in heaps]
    values = {f"slope at {friction:g}, degrees": angle for friction, angle in zip(FRICTIONS, angles)}
    return {
        **values,
        "least rise of it": float(np.diff(angles).min()),
        "energy gain": max(heap.energy_gain for heap in heaps),
    }


def _plate(engine: str, delta: float, _: Options) -> Values:
    forces = digging.plate_forces(engine, delta, DEPTHS)
    power = np.polyfit(np.log(DEPTHS), np.log(np.maximum(forces, 1e-3)), 1)[0]
    return {
        **{f"force at {1e3 * depth:g} mm, N": float(force) for depth, force in zip(DEPTHS, forces)},
        "power of depth": float(power),
    }


def _pull(engine: str, delta: float, _: Options) -> Values:
    shallow, deep = (digging.breakout_force(engine, delta, burial) for burial in (0.02, 0.07))
    return {"force from 20 mm, N": shallow, "force from 70 mm, N": deep, "deep over shallow": deep / shallow}


def _slide(engine: str, delta: float, _: Options) -> Values:
    statics = float(np.degrees(np.arctan(SLIDING)))
    tried = np.radians(statics + np.arange(-4.0, 12.1, 2.0)).tolist()
    angle = digging.slide_angle(engine, delta, SLIDING, tried)
    return {"angle over statics, degrees": float(np.degrees(angle)) - statics}


def _sweep(engine: str, delta: float, _: Options) -> Values:
    found = digging.sweep(engine, delta)
    return {
        "below floor, mm": 1e3 * found.below_floor,
        "through wall, mm": 1e3 * found.through_wall,
        "grains in plates": found.in_plates,
        "rock through back": float(found.rock_behind),
    }


def _dig(engine: str, delta: float, options: Options) -> Values:
    found = digging.solid_dig(engine, delta, options.digs if delta >= 0.02 and engine == "warp" else 1)
    return {"excavated": found.excavated, "peak force, N": found.peak_force, "mean force, N": found.mean_force}


def _untouched(engine: str, delta: float, _: Options) -> Values:
    return {"rock moved, mm": 1e3 * digging.untouched(engine, delta)}


CHECKS: Dict[str, Callable[[str, float, Options], Values]] = {
    "rest": _rest,
    "packing": _packing,
    "heap": _heap,
    "plate": _plate,
    "pull": _pull,
    "slide": _slide,
    "sweep": _sweep,
    "untouched": _untouched,
    "dig": _dig,
}

Band = Tuple[float, float]
BANDS: Dict[str, Dict[str, Union[Band, Dict[str, Band]]]] = {
    "rest": {
        "speed mm/s": (0.0, 1.0),
        "surface drift mm": (0.0, 1.0),
        "rock drift mm": (0.0, 1.0),
        "rocks at rest": (0.9, 1.0),
    },
    # Random spheres; cubes that were poured.
    "packing": {"solid fraction": {"warp": (0.55, 0.64), "physx": (0.50, 0.70)}},
    "heap": {"slope at 0.5, degrees": (22.0, 40.0), "least rise of it": (1.0, 60.0), "energy gain": (-1.0, 1e-3)},
    "plate": {"power of depth": (1.3, 2.7)},
    "pull": {"force from 20 mm, N": (9.0, 40.0), "deep over shallow": (1.1, 10.0)},
    "slide": {"angle over statics, degrees": (-1.0, 4.0)},
    "sweep": {
        "below floor, mm": (-100.0, 6.0),
        "through wall, mm": (-100.0, 6.0),
        "grains in plates": (0.0, 0.03),
        "rock through back": (0.0, 0.0),
    },
    "untouched": {"rock moved, mm": (0.0, 0.0)},
    # Cutting 60 mm deep and 160 mm wide, and carrying the bowl's content.
    "dig": {"excavated": (0.7, 1.0), "peak force, N": (20.0, 150.0)},
}
"""What is expected of the values, of each engine or of all; what has none is there to be compared."""


@dataclass(frozen=True)
class Verdict:
    """One value against its band."""

    where: str
    value: float
    low: float
    high: float

    @property
    def fine(self) -> bool:
        """Whether the value is in its band; NaN is not."""
        return self.low <= self.value <= self.high


def verdicts(results: Results) -> List[Verdict]:
    """Of every value that has a band, and of what grain sizes and engines should agree on."""
    found = []
    for engine, deltas in results.items():
        for delta, checks in deltas.items():
            for check, values in checks.items():
                for name, value in values.items():
                    band = _band(check, name, engine)
                    if band:
                        found.append(Verdict(f"{engine} {delta} mm, {check}: {name}", value, *band))
    slopes = {engine: _all(results, engine, "heap", "slope at 0.5, degrees") for engine in results}
    for engine, angles in slopes.items():
        if len(angles) > 1:
            found.append(Verdict(f"{engine}, slope at 0.5: largest less smallest", max(angles) - min(angles), 0.0, 5.0))
    if len(slopes) == 2 and all(slopes.values()):
        one, other = (float(np.mean(angles)) for angles in slopes.values())
        found.append(Verdict("slope at 0.5: engines apart, degrees", abs(one - other), 0.0, 6.0))
    return found + _force_ratios(results)


def _force_ratios(results: Results) -> List[Verdict]:
    """Of the engines' forces on the same plate at the same grain size."""
    if len(results) != 2:
        return []
    name = f"force at {1e3 * DEPTHS[1]:g} mm, N"
    one, other = results.values()
    return [
        Verdict(
            f"{delta} mm, plate: {name}, one engine over the other",
            one[delta]["plate"][name] / other[delta]["plate"][name],
            0.5,
            2.0,
        )
        for delta in one
        if "plate" in one[delta] and "plate" in other.get(delta, {})
    ]


def _band(check: str, name: str, engine: str) -> Optional[Band]:
    band = BANDS[check].get(name)
    return band.get(engine) if isinstance(band, dict) else band


def _all(results: Results, engine: str, check: str, name: str) -> Sequence[float]:
    return [checks[check][name] for checks in results[engine].values() if check in checks]
