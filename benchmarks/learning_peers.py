# ruff: noqa: D102 - methods of the adapter are Stable-Baselines3's
"""PPO here against Stable-Baselines3 and rsl_rl: samples until rocks are excavated at one grain size, several seeds.

    python benchmarks/learning_peers.py --seeds 0 1 2 --csv docs/results/learning_peers.csv

All three learn in the same environment (70 mm, full randomisation), from the same reward, with the same network sizes,
horizon, discount and lambda. Ours and rsl_rl's value network see the true state, as both libraries provide for; SB3's
sees the observation. Success is counted by the same window, over episodes in the order in which they were started.
"""

from __future__ import annotations

import contextlib
import csv
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import torch
import tyro

from prpd_train.env.config import EnvConfig
from prpd_train.env.excavation import Excavation
from prpd_train.env.gym_env import ExcavationVectorEnv
from prpd_train.ppo import Collector, Learner, PPOConfig
from prpd_train.ppo.config import NetworkConfig
from prpd_train.ppo.episodes import EpisodeWindow
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.stage import make_network

HORIZON = 32


@dataclass(frozen=True)
class Arguments:
    """How much is learned, by whom."""

    learners: Tuple[str, ...] = ("prpd", "rsl_rl", "sb3")
    seeds: Tuple[int, ...] = (0, 1, 2)
    delta: float = 70.0
    """mm."""
    target: float = 0.95
    max_samples: int = 400_000
    num_envs: int = 64
    csv: Optional[Path] = None


class Reached(Exception):
    """The target success was reached, or the budget is spent."""


class Watch:
    """Counts samples and success of an environment, whoever drives it, and ends the learning."""

    def __init__(self, core: Excavation, arguments: Arguments) -> None:
        self.window = EpisodeWindow(core.num_envs, 200)
        self.samples, self.reached = 0, False
        step = core.step

        def watched(action: torch.Tensor) -> Any:
            result = step(action)
            self.samples += core.num_envs
            self.window.step(result.reward, result.terminated | result.truncated, result.success)
            self.reached = self.window.full and self.window.success >= arguments.target
            if self.reached or self.samples >= arguments.max_samples:
                raise Reached
            return result

        core.step = watched  # type: ignore[method-assign]


def learn_prpd(arguments: Arguments, seed: int) -> Watch:
    """With `prpd_train.ppo`."""
    env = ExcavationVectorEnv(EnvConfig(), delta=arguments.delta / 1000, num_envs=arguments.num_envs, seed=seed)
    config = PPOConfig(horizon=HORIZON)
    collector = Collector(env)
    collector.reset(seed=seed)
    network = make_network(TrainConfig())
    generator = torch.Generator().manual_seed(seed)
    learner = Learner(network, config, generator)
    collect = dict(discount=config.discount, gae_lambda=config.gae_lambda, generator=generator)
    first = collector.collect(network, horizon=8, **collect).flat()
    network.observe(first.observation, first.state)
    collector.reset(seed=seed)
    watch = Watch(env.core, arguments)
    try:
        while True:
            learner.update(collector.collect(network, horizon=HORIZON, **collect).flat())
    except Reached:
        return watch


def learn_rsl_rl(arguments: Arguments, seed: int) -> Watch:
    """With rsl_rl's `OnPolicyRunner`, its own defaults but for what is said above."""
    from rsl_rl.runners import OnPolicyRunner

    from prpd_train.env.rsl_env import RslVecEnv

    env = RslVecEnv(EnvConfig(), delta=arguments.delta / 1000, num_envs=arguments.num_envs, seed=seed)
    model = {"class_name": "MLPModel", "hidden_dims": [128, 128], "activation": "elu", "obs_normalization": True}
    config: Dict[str, Any] = {
        "num_steps_per_env": HORIZON,
        "save_interval": 10**9,
        "obs_groups": {"actor": ["actor"], "critic": ["critic"]},
        "actor": {
            **model,
            "distribution_cfg": {"class_name": "GaussianDistribution", "init_std": NetworkConfig().initial_std},
        },
        "critic": model,
        "algorithm": {"class_name": "PPO", "entropy_coef": 0.002},
    }
    runner = OnPolicyRunner(env, config, log_dir=None, device="cpu")
    watch = Watch(env.core, arguments)
    with contextlib.suppress(Reached):
        runner.learn(10**6)
    return watch


def learn_sb3(arguments: Arguments, seed: int) -> Watch:
    """With Stable-Baselines3's PPO, its own defaults but for what is said above."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    env = Sb3VecEnv(
        ExcavationVectorEnv(EnvConfig(), delta=arguments.delta / 1000, num_envs=arguments.num_envs, seed=seed)
    )
    watch = Watch(env.env.core, arguments)
    policy = {
        "net_arch": [128, 128],
        "activation_fn": torch.nn.ELU,
        "log_std_init": float(np.log(NetworkConfig().initial_std)),
    }
    batch = HORIZON * arguments.num_envs // 4
    normalised = VecNormalize(env, norm_reward=False)
    model = PPO(
        "MlpPolicy",
        normalised,
        n_steps=HORIZON,
        batch_size=batch,
        n_epochs=5,
        learning_rate=1e-3,
        ent_coef=0.002,
        policy_kwargs=policy,
        seed=seed,
    )
    with contextlib.suppress(Reached):
        model.learn(10**9)
    return watch


def _sb3_base() -> type:
    from stable_baselines3.common.vec_env import VecEnv

    return VecEnv


class Sb3VecEnv(_sb3_base()):  # type: ignore[misc]
    """The Gymnasium environment as SB3 wants it."""

    def __init__(self, env: ExcavationVectorEnv) -> None:
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> np.ndarray:
        return self.env.reset()[0]

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> Tuple[np.ndarray, np.ndarray, np.ndarray, List[Dict[str, Any]]]:
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        infos: List[Dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(terminated | truncated):
            infos[i] = {"terminal_observation": info["final_obs"][i], "TimeLimit.truncated": bool(truncated[i])}
        return observation, reward, terminated | truncated, infos

    def close(self) -> None:
        self.env.close()

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> List[bool]:
        return [False] * self.num_envs

    def get_attr(self, attr_name: str, indices: Any = None) -> List[Any]:
        return [getattr(self.env, attr_name, None)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("attributes of the batch are not set one by one")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **options: Any) -> List[Any]:
        raise NotImplementedError("methods of the batch are not called one by one")


LEARNERS: Dict[str, Callable[[Arguments, int], Watch]] = {"prpd": learn_prpd, "rsl_rl": learn_rsl_rl, "sb3": learn_sb3}


def main(arguments: Arguments) -> None:
    torch.set_num_threads(1)
    rows: List[Dict[str, Any]] = []
    for seed in arguments.seeds:
        for name in arguments.learners:
            torch.manual_seed(seed)
            began = time.perf_counter()
            watch = LEARNERS[name](arguments, seed)
            seconds = round(time.perf_counter() - began, 1)
            rows.append(
                {
                    "learner": name,
                    "seed": seed,
                    "reached": watch.reached,
                    "samples": watch.samples,
                    "success": watch.window.success,
                    "seconds": seconds,
                }
            )
            print(rows[-1], flush=True)
            if arguments.csv is not None:
                arguments.csv.parent.mkdir(parents=True, exist_ok=True)
                with open(arguments.csv, "w", newline="") as file:
                    writer = csv.DictWriter(file, list(rows[0]))
                    writer.writeheader()
                    writer.writerows(rows)
    print(f"\n{'learner':<8} reached  samples, median (range)")
    for name in arguments.learners:
        mine = [row for row in rows if row["learner"] == name]
        samples = [row["samples"] for row in mine]
        print(
            f"{name:<8} {sum(row['reached'] for row in mine)} of {len(mine)}   "
            f"{statistics.median(samples):,.0f} ({min(samples):,} to {max(samples):,})"
        )


if __name__ == "__main__":
    main(tyro.cli(Arguments))
