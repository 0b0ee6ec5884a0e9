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

    Behind the rock and above it, down behind it, forward under it while curling, up. `watch` is called before the first
    step and after each.
    """
    state = _on_cpu(sim.state)
    target = np.array(state.bucket_pose, np.float32)
    count = np.zeros(sim.num_envs)
    stage = np.zeros(sim.num_envs, int)
    if watch:
        watch(0, state)
    for step in range(steps):
        goal = _goal(state, task, stage)
        move = (goal - target) / np.asarray(task.action_scale, np.float32)
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
    # Offset of the bucket from the rock along y and z in m, pitch in rad.
    (-0.17, 0.06, -0.30),
    (-0.15, -0.045, -0.15),
    (0.00, -0.040, 0.05),
    (0.005, -0.030, 0.45),
    (0.005, 0.30, 0.45),
)


def _goal(state: SimState, task: TaskSpec, stage: np.ndarray) -> np.ndarray:
    offset = np.array(_STAGES)[stage]
    rock = np.asarray(state.rock_position)
    goal = np.stack([rock[:, 0], rock[:, 1] + offset[:, 0], rock[:, 2] + offset[:, 1], offset[:, 2]], 1)
    lift = stage == len(_STAGES) - 1
    pose = np.asarray(state.bucket_pose)
    goal[lift, :2] = pose[lift, :2]
    goal[lift, 2] = task.workspace_high[2]
    return np.clip(goal, task.workspace_low, task.workspace_high).astype(np.float32)
