"""Run a policy for a number of episodes, all of which are counted."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Callable, Optional

import numpy as np
import torch
from torch import Tensor

from prpd_train.env.config import EnvConfig
from prpd_train.env.excavation import Excavation, MakeSimulator


@dataclass(frozen=True)
class Outcome:
    """What a number of episodes came to."""

    episodes: int
    successes: int
    length: float
    """Mean number of steps of the successful ones; NaN without any."""
    peak_force: float
    """N, largest force on the bucket, but for the last step of each episode (the reset follows within it)."""
    samples: int
    """Steps simulated."""
    seconds: float

    @property
    def success(self) -> float:
        """Share of successes among the episodes started."""
        return self.successes / self.episodes


@torch.no_grad()
def run_episodes(
    act: Callable[[Tensor], Tensor],
    config: EnvConfig,
    *,
    delta: float,
    episodes: int,
    num_envs: int = 64,
    seed: int = 0,
    make_simulator: Optional[MakeSimulator] = None,
    max_steps: Optional[int] = None,
) -> Outcome:
    """Start `episodes` episodes and run each to its end, with the actions of `act`.

    Those that are not at their end after `max_steps` steps of all count as failures.
    """
    num_envs = min(num_envs, episodes)
    config = replace(config, scene_interval=0)
    env = Excavation(config, delta=delta, num_envs=num_envs, seed=seed, make_simulator=make_simulator)
    began, samples = time.perf_counter(), 0
    try:
        observation, _ = env.reset()
        counted = np.ones(num_envs, bool)  # whether the episode that runs there is one of those asked for
        started, successes, peak = num_envs, 0, 0.0
        lengths = []
        while counted.any() and (max_steps is None or samples < max_steps * num_envs):
            running = env.steps.clone()
            step = env.step(act(observation))
            observation = step.observation
            samples += num_envs
            force = torch.as_tensor(env.simulator.state.bucket_force).norm(dim=-1)
            peak = max(peak, float(force[torch.as_tensor(counted)].max()))
            done = (step.terminated | step.truncated).cpu().numpy()
            success = step.success.cpu().numpy()
            for i in np.flatnonzero(done & counted):
                successes += bool(success[i])
                if success[i]:
                    lengths.append(float(running[i]) + 1)
                if started < episodes:
                    started += 1
                else:
                    counted[i] = False
    finally:
        env.close()
    length = float(np.mean(lengths)) if lengths else float("nan")
    return Outcome(episodes, successes, length, peak, samples, time.perf_counter() - began)
