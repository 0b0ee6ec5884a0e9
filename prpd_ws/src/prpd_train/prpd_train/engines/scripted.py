"""A dig by hand-written rule: to try an engine or a picture, and for tests that need a rock in the bucket."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Callable, Optional

import numpy as np

from prpd_task.action import next_target
from prpd_task.arrays import to_numpy
from prpd_task.spec import TaskSpec
from prpd_task.success import excavated, held
from prpd_train.engines.protocol import SimState, Simulator

STEPS = 60
Watch = Callable[[int, SimState], None]


def scripted_dig(sim: Simulator, task: TaskSpec, watch: Optional[Watch] = None, steps: int = STEPS) -> np.ndarray:
    """Dig in all environments of a simulator that was just reset; returns (N,) whether each rock is excavated.

    Behind the rock with the tips down, along the bucket's floor into the soil, forward under the rock, curl, rise. So
    the edge cuts, and the bowl is not full before it has the rock: a floor that is pressed flat into soil, or a full
    bucket that pushes soil against the pit's wall, meets hundreds of newtons. `watch` is called before the first step
    and after each.
    """
    state = _on_cpu(sim.state)
    target = np.array(state.bucket_pose, np.float32)
    count = np.zeros(sim.num_envs)
    stage = np.zeros(sim.num_envs, int)
    lay = np.array(state.rock_position)
    if watch:
        watch(0, state)
    for step in range(steps):
        # Soil moves the rock before the bucket does; but a rock that is carried cannot be caught up with.
        rock = np.clip(np.asarray(state.rock_position), lay - _FOLLOW, lay + _FOLLOW)
        goal = _goal(rock, task, stage)
        move = (goal - target) / np.asarray(task.action_scale, np.float32)
        # In a straight line, at the end of which all axes arrive at once.
        move /= np.maximum(np.abs(move).max(1, keepdims=True), 1.0)
        arrived = (np.abs(goal - target) < 0.3 * np.asarray(task.action_scale)).all(1)
        target = next_target(task, target, move.astype(np.float32))
        sim.step(target, task.control_period)
        stage = np.minimum(stage + arrived, len(_STAGES) - 1)
        state = _on_cpu(sim.state)
        done = excavated(
            task,
            bucket_pose=state.bucket_pose,
            rock_position=state.rock_position,
            rock_bottom=state.rock_bottom,
            rock_velocity=state.rock_velocity,
            bucket_velocity=state.bucket_velocity,
            surface_height=state.surface_height,
        )
        count = held(count, done)
        if watch:
            watch(step + 1, state)
    return count >= task.hold_steps


def _on_cpu(state: SimState) -> SimState:
    """As NumPy arrays, but for the grains, which are many, and of which a dig takes no note."""
    small = [field.name for field in fields(SimState) if field.name != "grain_position"]
    return replace(state, **{name: to_numpy(getattr(state, name)) for name in small})


_STAGES = (
    # Where the middle of the tips goes, from the rock, along y and z in m; pitch in rad.
    (-0.20, 0.05, -0.50),
    (-0.045, -0.037, -0.50),
    (0.05, -0.036, -0.30),
    (0.07, 0.02, 0.30),
    (0.07, 0.30, 0.45),
)

_FOLLOW = np.array([0.06, 0.06, 0.03])
"""m, from where the rock lay, as far as it is followed."""


def _goal(rock: np.ndarray, task: TaskSpec, stage: np.ndarray) -> np.ndarray:
    y, z, pitch = np.array(_STAGES)[stage].T
    reach = task.bucket.length / 2
    goal = np.stack(
        [rock[:, 0], rock[:, 1] + y - reach * np.cos(pitch), rock[:, 2] + z - reach * np.sin(pitch), pitch], 1
    )
    goal[stage == len(_STAGES) - 1, 2] = task.workspace_high[2]
    return np.clip(goal, task.workspace_low, task.workspace_high).astype(np.float32)
