"""Soil, rock and bucket together: what pushes, holds, pulls and falls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Sequence

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.frames import bucket_to_soil, soil_to_bucket
from prpd_task.spec import TaskSpec
from prpd_train.engines.protocol import SimState
from prpd_train.engines.scripted import scripted_dig
from prpd_train.scene.generator import make_scene
from prpd_train.scene.spec import Materials
from prpd_train.validity.scenes import settled, simulator

PLATE = BucketGeometry(shape="solid", width=0.10, length=0.010, height=0.12)
"""A bucket so short that it is a plate across the digging direction."""


def plate_forces(engine: str, delta: float, depths: Sequence[float], speed: float = 0.1) -> np.ndarray:
    """N, horizontal force on a plate that is pushed through a bed with its edge at each depth (m)."""
    # The edge is below the bucket's origin by the thickness of its floor. The rock lies out of the plate's way.
    specs = [make_scene(delta, "solid", seed=k, bucket=PLATE, footprint=(0.20, 0.34)) for k in range(len(depths))]
    specs = [replace(spec, rock=replace(spec.rock, position=(0.0, 0.14, -0.03))) for spec in specs]
    starts = np.array([[0.0, -0.13, -depth + PLATE.thickness, 0.0] for depth in depths], np.float32)
    sim = simulator(engine, specs)
    above = starts.copy()
    above[:, 2] = 0.05
    sim.reset(range(len(specs)), specs, above)
    for k in range(20):
        sim.step(above + (starts - above) * (k + 1) / 20, 0.05)
    forces = []
    targets = starts.copy()
    for _ in range(12):
        targets[:, 1] += 0.1 * speed
        sim.step(targets, 0.1)
        forces.append(-np.array(sim.state.bucket_force[:, 1]))
    sim.close()
    return np.mean(forces[4:], axis=0)


@dataclass(frozen=True)
class Dig:
    """Digs with a bucket that feels the soil, by the hand-written rule."""

    excavated: float
    """Share of the scenes."""
    peak_force: float
    """N, largest mean over a control step, in the middle scene."""
    mean_force: float
    """N, while it is above 1 N, over all scenes."""


def solid_dig(engine: str, delta: float, scenes: int) -> Dig:
    """Dig in several beds of the `solid` preset."""
    specs = [make_scene(delta, "solid", seed=seed) for seed in range(scenes)]
    task = TaskSpec(bucket=specs[0].bucket)
    sim = simulator(engine, specs)
    sim.reset(range(scenes), specs, np.tile(np.array(task.start_pose, np.float32), (scenes, 1)))
    seen: List[np.ndarray] = []

    def watch(_: int, state: SimState) -> None:
        seen.append(np.linalg.norm(np.array(state.bucket_force), axis=1))

    excavated = scripted_dig(sim, task, watch)
    sim.close()
    force = np.array(seen)
    return Dig(float(excavated.mean()), float(np.median(force.max(0))), float(force[force > 1.0].mean()))


def breakout_force(engine: str, delta: float, burial: float, low: float = 8.0, high: float = 60.0) -> float:
    """N, upward force that pulls a buried rock (burial in m of its centre) up by half its size in half a second.

    Found by bisection between `low` and `high`, to a tenth.
    """
    spec = make_scene(delta, seed=2, rock_burial=burial, depth=0.12)
    sim, poses = settled(engine, spec)
    start = sim.snapshot(0)
    while high > 1.1 * low:
        force = float(np.sqrt(low * high))
        pulled = replace(spec, sample=replace(spec.sample, rock_force=(0.0, 0.0, force)))
        sim.arrange(0, pulled, start, poses[0])
        sim.step(poses, 0.5)
        if sim.state.rock_position[0, 2] - start.rock_position[2] > spec.rock.size / 2:
            high = force
        else:
            low = force
    sim.close()
    return high


def slide_angle(engine: str, delta: float, friction: float, angles: Sequence[float], bucket: str = "solid") -> float:
    """rad, least downward tilt of a bucket, of those given, at which a rock on its floor slides out."""
    materials, shape = Materials(rock_bucket=friction), BucketGeometry(shape=bucket)
    # The soil lies far below, and there is little of it.
    specs = [
        make_scene(delta, materials=materials, bucket=shape, footprint=(0.12, 0.12), depth=max(0.03, delta))
        for _ in angles
    ]
    bowl = specs[0].bucket
    low = np.tile(np.array([0.0, 0.0, 0.6, 0.0], np.float32), (len(specs), 1))
    sim = simulator(engine, specs)
    sim.reset(range(len(specs)), specs, low)
    rock = bucket_to_soil(low[0].astype(float), np.array([0.0, 0.02, specs[0].rock.size / 2 + 0.001]))
    for k, spec in enumerate(specs):
        sim.arrange(k, spec, replace(sim.snapshot(k), rock_position=rock), low[k])
    sim.step(low, 0.5)
    tilted = low.copy()
    for part in range(10):
        tilted[:, 3] = -np.asarray(angles) * (part + 1) / 10
        sim.step(tilted, 0.2)
    sim.step(tilted, 2.0)
    inside = bowl.contains(soil_to_bucket(tilted.astype(float), np.array(sim.state.rock_position, float)))
    sim.close()
    out = [angle for angle, stays in zip(angles, inside) if not stays]
    return min(out) if out else float("inf")


@dataclass(frozen=True)
class Sweep:
    """A solid bucket driven through a bed as fast as the task allows."""

    below_floor: float
    """m, how far the lowest grain or rock is below the floor."""
    through_wall: float
    """m, how far a grain below the rim is outside the pit."""
    in_plates: float
    """Share of the grains whose centre is inside a plate of the bucket."""
    rock_behind: bool
    """Whether the rock, pushed by the bucket's back, came out behind it."""


def sweep(engine: str, delta: float) -> Sweep:
    """Sweep the solid bucket through the bed and back at the highest commanded speed."""
    task = TaskSpec()
    # So wide that no grain is crushed between bucket and wall.
    spec = make_scene(delta, "solid", seed=3, footprint=(0.26, 0.34))
    start = np.array([[0.0, -0.075, 0.06, 0.0]], np.float32)
    sim = simulator(engine, [spec])
    sim.reset([0], [spec], start)
    state = sim.state
    edge = spec.grains.edge if engine == "physx" else spec.grains.diameter
    below, through, in_plates, behind = 0.0, 0.0, 0.0, False
    pose = start.copy()
    floor = float(np.min(state.grain_position[0, : int(state.grain_count[0]), 2])) - edge / 2
    half = np.array(spec.bed.footprint) / 2
    # Down into the soil, forward, back, and out.
    for k, (dy, dz) in enumerate(5 * [(0, -1)] + 5 * [(1, 0)] + 5 * [(-1, 0)] + 6 * [(0, 1)]):
        pose[:, 1] += task.action_scale[1] * dy
        pose[:, 2] += task.action_scale[2] * dz
        sim.step(pose, task.control_period)
        x = np.array(state.grain_position[0, : int(state.grain_count[0])], float)
        below = max(below, floor - (float(x[:, 2].min()) - edge / 2), floor - float(state.rock_bottom[0]))
        low = x[:, 2] < spec.bed.surface_height + spec.bed.rim - edge
        outside = np.max(np.abs(x[:, :2]) - half, axis=1)[low] + edge / 2
        through = max(through, float(outside.max(initial=0.0)))
        local = soil_to_bucket(pose.astype(float), x)
        inside = np.zeros(len(x), bool)
        for box in spec.bucket.boxes():
            inside |= np.all(np.abs(local - box.centre) < np.array(box.size) / 2, axis=1)
        in_plates = max(in_plates, float(inside.mean()))
        rock = soil_to_bucket(pose[0].astype(float), np.array(state.rock_position[0], float))
        low_enough = 0 < rock[2] < spec.bucket.height and abs(rock[0]) < spec.bucket.width / 2
        behind = behind or bool(k < 10 and low_enough and rock[1] < -spec.bucket.length / 2)
    sim.close()
    return Sweep(below, through, in_plates, behind)


def untouched(engine: str, delta: float) -> float:
    """m, how far the rock moves while a fork passes through the soil beside and above it without touching it."""
    spec = make_scene(delta, seed=4)
    path = np.array(
        [
            [0.14, -0.2, 0.1, 0.0],
            [0.14, -0.2, -0.05, 0.0],
            [0.14, 0.1, -0.05, 0.3],
            [0.14, 0.1, 0.1, 0.0],
            [0.0, 0.0, 0.1, -0.3],
        ],
        np.float32,
    )
    sim = simulator(engine, [spec])
    sim.reset([0], [spec], path[:1])
    quiet = simulator(engine, [spec])
    quiet.reset([0], [spec], path[:1])
    still = path[:1].copy()
    for a, b in zip(path, path[1:]):
        for k in range(15):
            sim.step((a + (b - a) * (k + 1) / 15)[None], 0.1)
            quiet.step(still, 0.1)
    moved = np.array(sim.state.rock_position[0]) - np.array(quiet.state.rock_position[0])
    sim.close()
    quiet.close()
    return float(np.linalg.norm(moved))
