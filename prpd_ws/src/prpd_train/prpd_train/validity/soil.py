"""Soil by itself: at rest, packed, collapsing, heaped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict

import numpy as np

from prpd_train.engines.bury import rock_place
from prpd_train.engines.settle import surface_of
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation
from prpd_train.scene.spec import GRAVITY
from prpd_train.validity.scenes import AWAY, column, grain_velocities, heap_scene, settled, simulator

SHAPE: Dict[str, str] = {"warp": "sphere", "physx": "cube"}
"""What an engine's grains are."""


@dataclass(frozen=True)
class Rest:
    """A settled bed with its rock, left alone."""

    speed: float
    """m/s, root mean square of the grains at the end."""
    surface_drift: float
    """m."""
    rock_drift: float
    """m."""


def rest(engine: str, delta: float, duration: float, *, sleeping: bool = True) -> Rest:
    """Leave a settled scene alone for `duration` s; `sleeping` off, where it can be, lets no grain rest for good."""
    spec = make_scene(delta, seed=1)
    options: Dict[str, Any] = {"sleeping": sleeping} if engine == "warp" else {}
    sim, poses = settled(engine, spec, **options)
    state = sim.state
    count = int(state.grain_count[0])
    # One second for a rock that was held in its place to find another.
    sim.step(poses, 1.0)
    rock = np.array(state.rock_position[0])
    surface = surface_of(spec, state.grain_position[0, :count], rock, spec.bed.floor)
    sim.step(poses, duration)
    now = surface_of(spec, state.grain_position[0, :count], state.rock_position[0], spec.bed.floor)
    moved = float(np.linalg.norm(state.rock_position[0] - rock))
    speed = float(np.sqrt(np.mean(np.sum(grain_velocities(sim, poses) ** 2, 1))))
    sim.close()
    return Rest(speed, abs(now - surface), moved)


def rest_share(engine: str, delta: float, scenes: int) -> float:
    """Share of random scenes in which the rock, let go among its grains, rests within 8 mm of its place.

    Of the others it is put back, exactly.
    """
    specs = [make_scene(delta, seed=seed, randomisation=Randomisation()) for seed in range(scenes)]
    sim = simulator(engine, specs)
    sim.reset(range(scenes), specs, np.tile(AWAY, (scenes, 1)))
    places = [rock_place(spec, sim.snapshot(env).floor) for env, spec in enumerate(specs)]
    moved = np.linalg.norm(np.array(sim.state.rock_position) - places, axis=1)
    sim.close()
    return float(np.mean(moved > 1e-5))


def packing_fraction(engine: str, delta: float, size_in_grains: int = 12) -> float:
    """Solid fraction in the inside of a settled bed of `size_in_grains` grains along each side."""
    side = size_in_grains * delta
    spec = make_scene(delta, footprint=(side, side), depth=side)
    sim, poses = settled(engine, spec)
    x = np.array(sim.state.grain_position[0, : int(sim.state.grain_count[0])])
    sim.close()
    volume = np.pi / 6 * spec.grains.diameter**3 if SHAPE[engine] == "sphere" else spec.grains.edge**3
    # Count centres in blocks that keep clear of floor, walls, surface and rock. The blocks lie at random, since one
    # whose faces lay between layers of grains would hold too many.
    edge = (volume * 6 / np.pi) ** (1 / 3)
    low = x.min(0) + 1.5 * edge
    high = x.max(0) - 1.5 * edge
    high[2] = min(high[2], spec.rock.position[2] - spec.rock.size)
    rng = np.random.default_rng(0)
    fractions = []
    for _ in range(200):
        near, far = low + rng.uniform(0, 1, 3) * edge, high - rng.uniform(0, 1, 3) * edge
        inside = np.all((x > near) & (x < far), axis=1).sum()
        fractions.append(inside * volume / np.prod(far - near))
    return float(np.mean(fractions))


@dataclass(frozen=True)
class Heap:
    """A column of grains that collapsed on a rough floor."""

    angle: float
    """rad, slope of the cone with the heap's mean radius and mean height."""
    energy_gain: float
    """Largest rise of the mechanical energy between two looks, over the energy at the start."""
    speed: float
    """m/s, root mean square at the end."""


def heap(engine: str, delta: float, friction: float, count: int = 250, duration: float = 3.0) -> Heap:
    """Let a column as high as wide collapse. Lengths scale with `delta`, times with its square root."""
    spec = heap_scene(delta, friction, 40, count)
    sim = simulator(engine, [spec])
    shape = SHAPE[engine]
    start = column(spec, count, shape)
    sim.arrange(0, spec, start, AWAY)
    poses = AWAY[None]
    total = duration * np.sqrt(delta / 0.02)
    looks = 40
    scale = GRAVITY * float(np.mean(start.grains[:, 2] - spec.bed.floor))
    energies = [scale]
    for _ in range(looks):
        v = grain_velocities(sim, poses)
        x = sim.state.grain_position[0, :count]
        energies.append(float(np.mean(GRAVITY * (x[:, 2] - spec.bed.floor) + 0.5 * np.sum(v * v, 1))))
        sim.step(poses, total / looks)
    x = np.array(sim.state.grain_position[0, :count])
    speed = float(np.sqrt(np.mean(np.sum(grain_velocities(sim, poses) ** 2, 1))))
    sim.close()
    half = spec.grains.diameter / 2 if shape == "sphere" else spec.grains.edge / 2
    middle = np.median(x[:, :2], axis=0)
    # A cone's points lie at a quarter of its height and two thirds of its radius on average.
    height = 4 * max(float(np.mean(x[:, 2])) - spec.bed.floor - half, 0.0)
    radius = 1.5 * float(np.mean(np.linalg.norm(x[:, :2] - middle, axis=1)))
    return Heap(float(np.arctan2(height, radius)), float(np.max(np.diff(energies)) / scale), speed)
