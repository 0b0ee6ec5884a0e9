"""Collect samples from a Gymnasium vector environment, and turn rewards into advantages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from prpd_train.ppo.episodes import EpisodeWindow
from prpd_train.ppo.network import ActorCritic, Gaussian


@dataclass(frozen=True)
class Rollout:
    """Samples of one iteration; leading axes are (time, environment), or (sample,) after `flat`."""

    observation: Tensor
    state: Tensor
    action: Tensor
    old: Gaussian
    """The policy that acted."""
    log_prob: Tensor
    value: Tensor
    advantage: Tensor
    target: Tensor
    """Of value and Q: the lambda return."""

    def flat(self) -> Rollout:
        """With time and environment merged into one axis."""

        def merge(x: Tensor) -> Tensor:
            return x.reshape(-1, *x.shape[2:])

        return Rollout(
            merge(self.observation),
            merge(self.state),
            merge(self.action),
            Gaussian(merge(self.old.mean), self.old.log_std),
            merge(self.log_prob),
            merge(self.value),
            merge(self.advantage),
            merge(self.target),
        )


def generalised_advantages(
    *,
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    truncated: Tensor,
    discount: float,
    gae_lambda: float,
) -> Tensor:
    """Advantages (T, N) (Schulman et al., 2016).

    `next_value` is of the state that the step led to, before any reset. A termination is worth nothing afterwards, a
    truncation is worth what the value network says; both end the sum.
    """
    delta = reward + discount * next_value * ~terminated - value
    carry = discount * gae_lambda * ~(terminated | truncated)
    advantage = torch.zeros_like(reward)
    running = torch.zeros_like(reward[0])
    for t in range(reward.shape[0] - 1, -1, -1):
        running = delta[t] + carry[t] * running
        advantage[t] = running
    return advantage


class Collector:
    """Runs a policy in a vector environment with autoreset in the same step, from where the last call stopped."""

    def __init__(self, env: Any, *, device: str = "cpu", window: int = 200) -> None:
        from gymnasium.vector import AutoresetMode

        mode = env.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            raise ValueError(f"the collector needs an environment with autoreset mode SAME_STEP, not {mode!r}")
        self.env = env
        self.device = torch.device(device)
        self.episodes = EpisodeWindow(env.num_envs, window)
        self.env_seconds = 0.0
        """Spent in the environment so far; the rest of the time is the learner's own."""
        self._observation: Optional[Tensor] = None
        self._state: Optional[Tensor] = None

    def reset(self, *, seed: int) -> None:
        """Start new episodes everywhere."""
        began = time.perf_counter()
        observation, info = self.env.reset(seed=seed)
        self.env_seconds += time.perf_counter() - began
        self.episodes.restart()
        self._observation, self._state = self._inputs(observation, info)

    @property
    def sizes(self) -> Tuple[int, int, int]:
        """Numbers of observations, critic states and actions; call `reset` first."""
        if self._observation is None or self._state is None:
            raise RuntimeError("reset the collector before asking for sizes")
        return self._observation.shape[-1], self._state.shape[-1], self.env.single_action_space.shape[0]

    def _tensor(self, array: Any) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self.device)

    def _inputs(self, observation: Any, info: Dict[str, Any]) -> Tuple[Tensor, Tensor]:
        row = self._tensor(observation).clone()
        return row, self._tensor(info["state"]).clone() if "state" in info else row

    def _final_states(self, info: Dict[str, Any], rows: Tensor) -> Tensor:
        """What the critic would see at the ends of the episodes in `rows`."""
        final = info["final_state"] if "final_state" in info else info["final_obs"]
        index = rows.nonzero().squeeze(-1)
        if isinstance(final, np.ndarray) and final.dtype == object:  # Gymnasium's own vector environments
            return self._tensor(np.stack([final[int(i)] for i in index]))
        return self._tensor(final)[index]

    @torch.no_grad()
    def collect(
        self,
        network: ActorCritic,
        *,
        horizon: int,
        discount: float,
        gae_lambda: float,
        generator: torch.Generator,
        enough: Callable[[], bool] = lambda: False,
    ) -> Rollout:
        """`horizon` steps of every environment, or fewer if `enough` is true after one."""
        if self._observation is None or self._state is None:
            raise RuntimeError("reset the collector before collecting")
        n, (observations, states, actions) = self.env.num_envs, self.sizes
        new = lambda *shape, dtype=torch.float32: torch.zeros(horizon, n, *shape, dtype=dtype, device=self.device)  # noqa: E731
        observation, state, action, mean = new(observations), new(states), new(actions), new(actions)
        reward, terminated, truncated = new(), new(dtype=torch.bool), new(dtype=torch.bool)
        log_std = torch.zeros(actions, device=self.device)
        cut_off: List[Tensor] = []
        for t in range(horizon):
            policy = network.policy(self._observation)
            chosen = policy.sample(generator)
            observation[t], state[t], action[t], mean[t] = self._observation, self._state, chosen, policy.mean
            log_std = policy.log_std
            began = time.perf_counter()
            row, rewards, terminations, truncations, info = self.env.step(self._outgoing(chosen))
            self.env_seconds += time.perf_counter() - began
            reward[t] = self._tensor(rewards)
            terminated[t] = torch.as_tensor(terminations, device=self.device)
            truncated[t] = torch.as_tensor(truncations, device=self.device)
            self._observation, self._state = self._inputs(row, info)
            done = terminated[t] | truncated[t]
            self.episodes.step(reward[t].cpu(), done.cpu(), _numpy(info.get("success")))
            cut = truncated[t] & ~terminated[t]
            if bool(cut.any()):
                cut_off.append(self._final_states(info, cut))
            if enough():
                observation, state, action, mean = (x[: t + 1] for x in (observation, state, action, mean))
                reward, terminated, truncated = (x[: t + 1] for x in (reward, terminated, truncated))
                break
        # The critic is asked about all steps at once: asked step by step, it would take longer than coarse soil does.
        value = network.value(state)
        next_value = torch.cat([value[1:], network.value(self._state)[None]])
        if cut_off:
            next_value[truncated & ~terminated] = network.value(torch.cat(cut_off))
        advantage = generalised_advantages(
            reward=reward,
            value=value,
            next_value=next_value,
            terminated=terminated,
            truncated=truncated,
            discount=discount,
            gae_lambda=gae_lambda,
        )
        old = Gaussian(mean, log_std)
        return Rollout(observation, state, action, old, old.log_prob(action), value, advantage, advantage + value)

    def _outgoing(self, action: Tensor) -> Any:
        """Cut to the action space (the sample itself stays as it is, so that its density is right)."""
        space = self.env.single_action_space
        low, high = self._tensor(space.low), self._tensor(space.high)
        middle, half = (low + high) / 2, (high - low) / 2
        outgoing = middle + half * torch.clamp(action, -1.0, 1.0)
        return outgoing if getattr(self.env, "tensors", False) else outgoing.cpu().numpy()


def _numpy(array: Any) -> Any:
    return array.cpu().numpy() if isinstance(array, Tensor) else array
