"""PPO here against Stable-Baselines3 and rsl_rl: samples until a task is learnt, over several seeds.

    python benchmarks/learning_peers.py --quick                # one seed, a tenth of the samples
    python benchmarks/learning_peers.py --json peers.json      # three seeds; interrupted, it goes on

All three learn `excavation` (70 mm, full randomisation) and Gymnasium's `Pendulum-v1`, from the same reward, with the
same network sizes, horizon, discount, lambda, exploration and weight of the entropy. Ours and rsl_rl's value network
see the true state where there is one, as both libraries provide for; Stable-Baselines3's sees the observation.

It needs `requirements/bench.txt`.
"""

from __future__ import annotations

import contextlib
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import tyro
from circumstances import circumstances
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.wrappers.vector import RescaleAction

from prpd_train.env.config import EnvConfig
from prpd_train.env.gym_env import ExcavationVectorEnv
from prpd_train.ppo.config import NetworkConfig, PPOConfig
from prpd_train.ppo.episodes import EpisodeWindow
from prpd_train.ppo.learner import Learner
from prpd_train.ppo.network import ActorCritic
from prpd_train.ppo.rollout import Collector
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.files import write_atomically
from prpd_train.runs.stage import make_network

HORIZON, WINDOW = 32, 128
OURS = "prpd"


@dataclass(frozen=True)
class Arguments:
    """How much is learnt, by whom."""

    learners: tuple[str, ...] = (OURS, "rsl_rl", "sb3")
    tasks: tuple[str, ...] = ("excavation", "pendulum")
    seeds: tuple[int, ...] = (0, 1, 2)
    max_samples: int = 600_000
    """Of one run."""
    num_envs: int = 64
    quick: bool = False
    """One seed and a tenth of the samples: whether everything runs."""
    json: Path | None = None
    """All runs, read and written there."""


@dataclass(frozen=True)
class Run:
    """How one learner did with one task and seed."""

    learner: str
    task: str
    seed: int
    max_samples: int
    reached: bool
    samples: int
    success: float
    mean_return: float
    seconds: float


@dataclass(frozen=True)
class Task:
    """Something to learn."""

    make: Callable[[int, int], VectorEnv]
    """From a number of environments and a seed; actions in [-1, 1]."""
    learnt: Callable[[EpisodeWindow], bool]
    max_steps: int
    """Of an episode."""
    network: Callable[[Collector], ActorCritic]
    """Ours."""


def excavation(num_envs: int, seed: int) -> VectorEnv:
    """Our first stage, before it puts the limit of force in force."""
    env = ExcavationVectorEnv(EnvConfig(), delta=0.07, num_envs=num_envs, seed=seed)
    env.core.force_limit = math.inf
    return env


def pendulum(num_envs: int, seed: int) -> VectorEnv:
    """Gymnasium's, with actions in [-1, 1]."""
    env = gym.make_vec(
        "Pendulum-v1",
        num_envs=num_envs,
        vectorization_mode="sync",
        vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP},
    )
    return RescaleAction(env, -1.0, 1.0)


TASKS = {
    "excavation": Task(
        make=excavation,
        learnt=lambda window: window.certain_success >= 0.95,
        max_steps=EnvConfig().task.max_steps,
        network=lambda collector: make_network(TrainConfig()),
    ),
    "pendulum": Task(
        make=pendulum,
        learnt=lambda window: len(window) == window.size and float(window.returns.mean()) > -250.0,
        max_steps=200,
        network=lambda collector: ActorCritic(*collector.sizes, NetworkConfig()),
    ),
}


class Ended(Exception):
    """The task is learnt, or the budget is spent."""


class Watch:
    """Counts samples and episodes of an environment, whoever drives it, and ends the learning."""

    def __init__(self, env: VectorEnv, task: Task, max_samples: int) -> None:
        self.window = EpisodeWindow(env.num_envs, WINDOW)
        self.samples, self.reached = 0, False
        step = env.step

        def watched(actions: Any) -> Any:
            result = step(actions)
            _, reward, terminated, truncated, info = result
            self.samples += env.num_envs
            self.window.step(reward, terminated | truncated, info.get("success"))
            self.reached = task.learnt(self.window)
            if self.reached or self.samples >= max_samples:
                raise Ended
            return result

        env.step = watched  # type: ignore[method-assign]


def learn_prpd(env: VectorEnv, task: Task, seed: int, start: Callable[[], None]) -> None:
    """With `prpd_train.ppo`."""
    config, generator = PPOConfig(horizon=HORIZON), torch.Generator().manual_seed(seed)
    collector = Collector(env)
    collector.reset(seed=seed)
    network = task.network(collector)
    learner = Learner(network, config, generator)
    collect = {"discount": config.discount, "gae_lambda": config.gae_lambda, "generator": generator}
    first = collector.collect(network, horizon=8, **collect).flat()
    network.observe(first.observation, first.state)
    collector.reset(seed=seed)
    start()
    while True:
        learner.update(collector.collect(network, horizon=HORIZON, **collect).flat())


def learn_rsl_rl(env: VectorEnv, task: Task, seed: int, start: Callable[[], None]) -> None:
    """With rsl_rl's `OnPolicyRunner`, its own defaults but for what is said above."""
    from learning_adapters import RslEnv
    from rsl_rl.runners import OnPolicyRunner

    model = {"class_name": "MLPModel", "hidden_dims": [128, 128], "activation": "elu", "obs_normalization": True}
    noise = {"class_name": "GaussianDistribution", "init_std": NetworkConfig().initial_std}
    config: dict[str, Any] = {
        "num_steps_per_env": HORIZON,
        "save_interval": 10**9,
        "obs_groups": {"actor": ["actor"], "critic": ["critic"]},
        "actor": {**model, "distribution_cfg": noise},
        "critic": model,
        "algorithm": {"class_name": "PPO", "entropy_coef": PPOConfig().entropy_weight},
    }
    adapted = RslEnv(env, seed=seed, max_steps=task.max_steps)
    start()
    with contextlib.redirect_stdout(None):
        OnPolicyRunner(adapted, config, log_dir=None, device="cpu").learn(10**6)


def learn_sb3(env: VectorEnv, task: Task, seed: int, start: Callable[[], None]) -> None:
    """With Stable-Baselines3's PPO, its own defaults but for what is said above."""
    from learning_adapters import Sb3Env
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    model = PPO(
        "MlpPolicy",
        VecNormalize(Sb3Env(env), norm_reward=False),
        n_steps=HORIZON,
        batch_size=HORIZON * env.num_envs // 4,
        n_epochs=5,
        learning_rate=1e-3,
        ent_coef=PPOConfig().entropy_weight,
        policy_kwargs={
            "net_arch": [128, 128],
            "activation_fn": torch.nn.ELU,
            "log_std_init": float(np.log(NetworkConfig().initial_std)),
        },
        seed=seed,
    )
    start()
    model.learn(10**9)


LEARNERS = {OURS: learn_prpd, "rsl_rl": learn_rsl_rl, "sb3": learn_sb3}


def run(learner: str, name: str, seed: int, arguments: Arguments) -> Run:
    """Learn one task until it is learnt or the budget is spent."""
    task = TASKS[name]
    torch.manual_seed(seed)
    env = task.make(arguments.num_envs, seed)
    watches: list[Watch] = []
    began = time.perf_counter()
    with contextlib.suppress(Ended):
        LEARNERS[learner](env, task, seed, lambda: watches.append(Watch(env, task, arguments.max_samples)))
    (watch,) = watches
    seconds = time.perf_counter() - began
    env.close()
    returns = float(watch.window.returns.mean()) if len(watch.window) else float("nan")
    return Run(
        learner,
        name,
        seed,
        arguments.max_samples,
        watch.reached,
        watch.samples,
        watch.window.success,
        returns,
        round(seconds, 1),
    )


def line(runs: list[Run], learner: str, task: str) -> str:
    """Of one learner and task, for people."""
    mine = [r for r in runs if (r.learner, r.task) == (learner, task)]
    samples = [r.samples for r in mine]
    reached = f"{sum(r.reached for r in mine)} of {len(mine)}"
    span = f"{_median(runs, learner, task):>9,.0f} samples ({min(samples):,} to {max(samples):,})"
    return f"{task:<11} {learner:<7} {reached:<7} {span}"


def _median(runs: list[Run], learner: str, task: str) -> float:
    return statistics.median(r.samples for r in runs if (r.learner, r.task) == (learner, task))


def verdict(runs: list[Run], arguments: Arguments) -> str:
    """Whether we need more samples than a peer."""
    behind = [
        f"{task}: more samples than {peer}"
        for task in arguments.tasks
        for peer in arguments.learners
        if OURS in arguments.learners and peer != OURS and _median(runs, OURS, task) > _median(runs, peer, task)
    ]
    if arguments.quick:
        return "quick: everything runs; nothing is compared"
    return f"NOT reached: {'; '.join(behind)}" if behind else "reached: no task takes more samples than a peer needs"


def main(arguments: Arguments) -> int:
    """Run what is missing, and print all of it."""
    torch.set_num_threads(1)
    if arguments.quick:
        arguments = replace(arguments, seeds=arguments.seeds[:1], max_samples=arguments.max_samples // 10)
    known = json.loads(arguments.json.read_text()) if arguments.json and arguments.json.exists() else {"runs": []}
    every = [Run(**values) for values in known["runs"]]
    # With another budget, such as that of `--quick`, it is another race.
    runs = [r for r in every if r.max_samples == arguments.max_samples]
    when = circumstances()
    for seed in arguments.seeds:
        for task in arguments.tasks:
            for learner in arguments.learners:
                if any((r.learner, r.task, r.seed) == (learner, task, seed) for r in runs):
                    continue
                runs.append(run(learner, task, seed, arguments))
                every.append(runs[-1])
                print(runs[-1], flush=True)
                if arguments.json:
                    content = {"when": known.get("when", when), "runs": [asdict(r) for r in every]}
                    write_atomically(arguments.json, (json.dumps(content, indent=1) + "\n").encode())
    for task in arguments.tasks:
        print(*(line(runs, learner, task) for learner in arguments.learners), sep="\n")
    print(verdict(runs, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Arguments)))
