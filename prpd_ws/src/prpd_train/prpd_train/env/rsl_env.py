"""The excavation environment as rsl_rl's `VecEnv`, so that rsl_rl's learners run on it as they are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Dict, Optional, Tuple

import torch
from rsl_rl.env import VecEnv  # type: ignore[import-untyped]
from tensordict import TensorDict
from torch import Tensor

from prpd_task.action import ACTION_NAMES
from prpd_train.env.config import EnvConfig
from prpd_train.env.excavation import Excavation, MakeSimulator


class RslVecEnv(VecEnv):
    """Observation groups `actor` (what a robot measures) and `critic` (the true state)."""

    def __init__(
        self,
        config: Optional[EnvConfig] = None,
        *,
        delta: float = 0.07,
        num_envs: int = 64,
        seed: int = 0,
        make_simulator: Optional[MakeSimulator] = None,
    ) -> None:
        settings = config or EnvConfig()
        self.core = Excavation(settings, delta=delta, num_envs=num_envs, seed=seed, make_simulator=make_simulator)
        self.num_envs = num_envs
        self.num_actions = len(ACTION_NAMES)
        self.max_episode_length = settings.task.max_steps
        self.device = self.core.device
        self.cfg = asdict(settings)
        self._groups = self._pack(*self.core.reset())

    @property
    def episode_length_buf(self) -> Tensor:
        """Steps of each running episode."""
        return self.core.steps.long()

    @episode_length_buf.setter
    def episode_length_buf(self, lengths: Tensor) -> None:
        """rsl_rl spreads the first episodes' ends in time by setting this."""
        self.core.steps = lengths.to(self.core.steps)

    def get_observations(self) -> TensorDict:
        """Of the present moment."""
        return self._groups

    def step(self, actions: Tensor) -> Tuple[TensorDict, Tensor, Tensor, Dict[str, Any]]:
        """One control period; `extras` names time-outs, and the success of the episodes that ended."""
        step = self.core.step(actions.to(self.device))
        self._groups = self._pack(step.observation, step.state)
        done = step.terminated | step.truncated
        extras: Dict[str, Any] = {"time_outs": step.truncated, "success": step.success, "log": {}}
        if bool(done.any()):
            extras["log"]["/success"] = step.success[done].float().mean()
        return self._groups, step.reward, done.long(), extras

    def _pack(self, observation: Tensor, state: Tensor) -> TensorDict:
        groups = {"actor": observation.clone(), "critic": torch.cat([observation, state], -1)}
        return TensorDict(groups, batch_size=[self.num_envs], device=self.device)
