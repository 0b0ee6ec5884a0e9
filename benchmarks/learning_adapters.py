# ruff: noqa: D102 - methods of the adapters are those of Stable-Baselines3 and rsl_rl
"""A Gymnasium vector environment as Stable-Baselines3 and as rsl_rl want it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from rsl_rl.env import VecEnv as RslBase
from stable_baselines3.common.vec_env import VecEnv as Sb3Base
from tensordict import TensorDict


class Sb3Env(Sb3Base):
    """For Stable-Baselines3."""

    def __init__(self, env: VectorEnv) -> None:
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> np.ndarray:
        return self.env.reset()[0]

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(terminated | truncated):
            infos[i] = {"terminal_observation": info["final_obs"][i], "TimeLimit.truncated": bool(truncated[i])}
        return observation, reward, terminated | truncated, infos

    def close(self) -> None:
        self.env.close()

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.env, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("attributes of the batch are not set one by one")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **options: Any) -> list[Any]:
        raise NotImplementedError("methods of the batch are not called one by one")


class RslEnv(RslBase):
    """For rsl_rl: the groups `actor` and, with the true state where there is one, `critic`."""

    def __init__(self, env: VectorEnv, *, seed: int, max_steps: int) -> None:
        self.env, self.num_envs = env, env.num_envs
        self.num_actions = int(env.single_action_space.shape[0])
        self.max_episode_length, self.device, self.cfg = max_steps, torch.device("cpu"), {}
        self.episode_length_buf = torch.zeros(env.num_envs, dtype=torch.long)
        self._groups = self._pack(*env.reset(seed=seed))

    def get_observations(self) -> TensorDict:
        return self._groups

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, torch.Tensor, torch.Tensor, dict[str, Any]]:
        observation, reward, terminated, truncated, info = self.env.step(np.clip(actions.numpy(), -1, 1))
        self._groups = self._pack(observation, info)
        done = torch.as_tensor(terminated | truncated)
        self.episode_length_buf = torch.where(done, 0, self.episode_length_buf + 1)
        extras = {"time_outs": torch.as_tensor(truncated), "log": {}}
        return self._groups, torch.as_tensor(reward, dtype=torch.float32), done.long(), extras

    def _pack(self, observation: np.ndarray, info: dict[str, Any]) -> TensorDict:
        row = torch.as_tensor(observation, dtype=torch.float32).clone()
        critic = torch.cat([row, torch.as_tensor(info["state"])], -1) if "state" in info else row
        return TensorDict({"actor": row, "critic": critic}, batch_size=[self.num_envs])
