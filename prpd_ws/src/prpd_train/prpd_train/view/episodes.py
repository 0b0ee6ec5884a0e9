"""Episodes of a policy as pictures: what a person can judge by eye."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, List, Optional, Sequence, Tuple

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from prpd_task.arrays import norm, to_numpy
from prpd_task.spec import TaskSpec
from prpd_train.env.config import EnvConfig
from prpd_train.env.excavation import Excavation, MakeSimulator
from prpd_train.scene.spec import SceneSpec
from prpd_train.view.picture import Snapshot, draw, strip
from prpd_train.view.raster import Camera

NEAR = Camera(target=(0.0, -0.05, 0.07), field_of_view=0.34, size=(270, 230))
"""As close as can be with the whole dig in the picture."""
ON_A_PAGE = 5
"""Episodes on a page of a sheet."""
RISE = 0.01
"""m, from which on the rock has been touched."""


@dataclass(frozen=True)
class Episode:
    """One episode from its start to its end."""

    spec: SceneSpec
    snapshots: List[Snapshot]
    """Of the start and of each control step."""
    success: bool
    peak_force: float
    """N."""


@torch.no_grad()
def play(
    act: Callable[[Tensor], Tensor],
    config: EnvConfig,
    *,
    delta: float,
    episodes: int,
    seed: int,
    make_simulator: Optional[MakeSimulator] = None,
) -> List[Episode]:
    """So many episodes side by side, with grains of `delta` m and the actions of `act`."""
    config = replace(config, scene_interval=0)
    env = Excavation(config, delta=delta, num_envs=episodes, seed=seed, make_simulator=make_simulator)
    snapshots: List[List[Snapshot]] = [[] for _ in range(episodes)]
    running, success, peak = np.ones(episodes, bool), np.zeros(episodes, bool), np.zeros(episodes)

    def watch(succeeded: Tensor) -> None:
        state = env.simulator.state
        for i in np.flatnonzero(running):
            snapshots[i].append(Snapshot.of(state, int(i)))
        peak[running] = np.maximum(peak, to_numpy(norm(state.bucket_force)))[running]
        success[running] = to_numpy(succeeded)[running]

    try:
        observation, _ = env.reset()
        specs = list(env.scene_of)
        watch(torch.zeros(episodes, dtype=torch.bool))
        while running.any():
            step = env.step(act(observation), watch)
            observation = step.observation
            running &= ~to_numpy(step.terminated | step.truncated)
    finally:
        env.close()
    return [Episode(*each) for each in zip(specs, snapshots, success.tolist(), peak.tolist())]


def moments(snapshots: Sequence[Snapshot], *, hold_steps: int) -> List[int]:
    """Steps of the start, the first motion of the rock, the beginning of what may have been a hold, and the end."""
    last = len(snapshots) - 1
    rise = [snapshot.rock_position[2] - snapshots[0].rock_position[2] for snapshot in snapshots]
    touched = next((k for k, height in enumerate(rise) if height > RISE), last // 2)
    return sorted([0, touched, max(last - hold_steps, 0), last])


def save_sheet(folder: Path, episodes: Sequence[Episode], task: TaskSpec) -> List[Path]:
    """Pages with a numbered row of pictures for each episode, and `verdicts.csv` with what the rule of success says.

    The pictures do not show the verdict, so that they can be judged before it is read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, episode in enumerate(episodes):
        row = []
        for step in moments(episode.snapshots, hold_steps=task.hold_steps):
            row.append(draw(episode.spec, episode.snapshots[step], NEAR))
            _write(row[-1], f"{step * task.control_period:.1f} s", (NEAR.size[0] - 60, NEAR.size[1] - 12))
        _write(row[0], str(number), (8, NEAR.size[1] - 12))
        rows.append(row)
    paths = []
    for page, first in enumerate(range(0, len(rows), ON_A_PAGE)):
        paths.append(folder / f"sheet_{page:02d}.png")
        Image.fromarray(strip(rows[first : first + ON_A_PAGE])).quantize(64).save(paths[-1], optimize=True)
    paths.append(folder / "verdicts.csv")
    with open(paths[-1], "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["episode", "success", "steps", "peak_force"])
        for number, episode in enumerate(episodes):
            writer.writerow([number, episode.success, len(episode.snapshots) - 1, round(episode.peak_force, 1)])
    return paths


def _write(picture: np.ndarray, text: str, place: Tuple[int, int]) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
