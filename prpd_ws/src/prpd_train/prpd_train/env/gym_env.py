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
        tensors: bool = False,
    ) -> None:
        """`delta` is in m. With `tensors`, everything that comes back is a torch tensor on the engine's device."""
        self.tensors = tensors
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
        return self._out(observation), {"state": self._out(state)}

    def step(self, actions: Any) -> Tuple[Any, Any, Any, Any, Dict[str, Any]]:
        """One control period."""
        step = self.core.step(torch.as_tensor(actions, dtype=torch.float32, device=self.core.device))
        info = {
            "state": self._out(step.state),
            "success": self._out(step.success),
            "final_obs": self._out(step.final_observation),
            "_final_obs": self._out(step.terminated | step.truncated),
            "final_state": self._out(step.final_state),
        }
        outputs = (step.observation, step.reward, step.terminated, step.truncated)
        observation, reward, terminated, truncated = (self._out(tensor) for tensor in outputs)
        return observation, reward, terminated, truncated, info

    def _out(self, tensor: torch.Tensor) -> Any:
        return tensor if self.tensors else tensor.cpu().numpy()

    def close_extras(self, **kwargs: Any) -> None:
        """Free the engine (Gymnasium calls this from `close`)."""
        self.core.close()
