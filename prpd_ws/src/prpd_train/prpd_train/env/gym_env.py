"""The excavation environment as a Gymnasium `VectorEnv`."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from prpd_task.action import ACTION_NAMES
from prpd_train.env.config import EnvConfig
from prpd_train.env.excavation import Excavation, MakeSimulator


class ExcavationVectorEnv(VectorEnv):
    """Rock excavation at one grain size.

    Observations are `prpd_task.observation.terms`, actions in [-1, 1] as `prpd_task.action.next_target` scales them.
    Autoreset happens in the same step. `info["state"]` is the true state for an asymmetric critic; where an episode
    ended, `info["success"]` says how, and `info["final_obs"]` and `info["final_state"]` hold what its last step led to.
    """

    metadata: Dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}

    def __init__(
        self,
        config: Optional[EnvConfig] = None,
        *,
        delta: float = 0.07,
        num_envs: int = 64,
        seed: int = 0,
        make_simulator: Optional[MakeSimulator] = None,
    ) -> None:
        self.core = Excavation(
            config or EnvConfig(), delta=delta, num_envs=num_envs, seed=seed, make_simulator=make_simulator
        )
        self.num_envs = num_envs
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (self.core.observation_size,), np.float32)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (len(ACTION_NAMES),), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[Dict[str, Any]] = None
    ) -> Tuple[Any, Dict[str, Any]]:
        """Begin new episodes everywhere; with a seed, the same ones each time."""
        if seed is not None:
            self.core.seed(seed)
        observation, state = self.core.reset()
        return observation.cpu().numpy(), {"state": state.cpu().numpy()}

    def step(self, actions: Any) -> Tuple[Any, Any, Any, Any, Dict[str, Any]]:
        """One control period."""
        step = self.core.step(torch.as_tensor(actions, dtype=torch.float32, device=self.core.device))
        done = (step.terminated | step.truncated).cpu().numpy()
        info = {
            "state": step.state.cpu().numpy(),
            "success": step.success.cpu().numpy(),
            "final_obs": step.final_observation.cpu().numpy(),
            "_final_obs": done,
            "final_state": step.final_state.cpu().numpy(),
        }
        outputs = (step.observation, step.reward, step.terminated, step.truncated)
        observation, reward, terminated, truncated = (tensor.cpu().numpy() for tensor in outputs)
        return observation, reward, terminated, truncated, info

    def close_extras(self, **kwargs: Any) -> None:
        """Free the engine (Gymnasium calls this from `close`)."""
        self.core.close()
