"""Simulators and scenes for the measurements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Optional, Protocol, Tuple, cast

import numpy as np

from prpd_task.arrays import Array
from prpd_train.engines import make
from prpd_train.engines.protocol import Simulator
from prpd_train.engines.settle import Settled
from prpd_train.scene.generator import make_scene
from prpd_train.scene.spec import Materials, SceneSpec

AWAY = np.array([0.0, 0.0, 3.0, 0.0], np.float32)
"""A bucket pose out of reach."""


class Bench(Simulator, Protocol):
    """A simulator whose scenes can be taken and set."""

    def snapshot(self, env: int) -> Settled:
        """Where everything in an environment is now."""

    def arrange(self, env: int, spec: SceneSpec, scene: Settled, bucket_pose: Array) -> None:
        """Put grains, rock and bucket where they are told, at rest but awake, without settling."""


def simulator(engine: str, specs: list[SceneSpec], **options: Any) -> Bench:
    """Of an engine, with the options under which it is measured."""
    return cast(Bench, make(engine, specs, **options))


def heap_scene(delta: float, friction: float, width_in_grains: int, count: int) -> SceneSpec:
    """A pit so wide and shallow that a heap on its floor meets no wall; all friction is the same."""
    side = width_in_grains * delta
    materials = Materials(friction, friction, friction, friction, friction)
    # The generator fills beds; here only the room that it leaves for grains matters.
    spec = make_scene(delta, footprint=(side, side), depth=max(2.0 * delta, 0.05), materials=materials)
    mass = 1500.0 * count * delta**3
    return replace(spec, grains=replace(spec.grains, count=count, spheres=count, total_mass=mass))


def column(spec: SceneSpec, count: int, shape: str, seed: int = 0) -> Settled:
    """Loose layers of grains in a round column on the pit's floor, about as high as wide; the rock lies far off."""
    size = spec.grains.diameter if shape == "sphere" else 1.75 * spec.grains.edge
    radius = max(1.0, (count / 3.3) ** (1 / 3))
    rng = np.random.default_rng(seed)
    ticks = np.arange(-int(radius) - 1, int(radius) + 2)
    x, y = (grid.ravel() for grid in np.meshgrid(ticks, ticks))
    disc = np.stack([x, y], 1)[np.hypot(x, y) <= radius]
    points = []
    for layer in range(int(np.ceil(count / len(disc)))):
        shift = rng.uniform(-0.5, 0.5, 2)
        flat = (disc + shift + rng.uniform(-0.04, 0.04, disc.shape)) * 1.1 * size
        points.append(np.column_stack([flat, np.full(len(flat), (layer + 0.5) * 1.02 * size)]))
    grains = np.concatenate(points)[:count]
    grains[:, 2] += spec.bed.floor
    turns = rng.standard_normal((count, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    return Settled(grains, turns, np.array([0.0, 5.0, 0.04]), np.array([0.0, 0.0, 0.0, 1.0]), spec.bed.floor)


def grain_velocities(sim: Simulator, poses: np.ndarray, env: int = 0, time: float = 1 / 240) -> np.ndarray:
    """(n, 3) m/s: mean over one short step, which this takes."""
    count = int(sim.state.grain_count[env])
    before = np.array(sim.state.grain_position[env, :count])
    sim.step(poses, time)
    return (np.array(sim.state.grain_position[env, :count]) - before) / time


def settled(
    engine: str, spec: SceneSpec, pose: Optional[np.ndarray] = None, **options: Any
) -> Tuple[Bench, np.ndarray]:
    """A simulator of one settled scene, and the bucket's pose (1, 4)."""
    poses = (AWAY if pose is None else np.asarray(pose, np.float32))[None]
    sim = simulator(engine, [spec], **options)
    sim.reset([0], [spec], poses)
    return sim, poses
