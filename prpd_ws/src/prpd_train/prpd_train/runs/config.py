"""Settings of a training run, and the presets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Dict

from prpd_train.distill.config import TransferConfig
from prpd_train.env.config import EnvConfig, Latency, in_scene
from prpd_train.ppo.config import NetworkConfig, PPOConfig
from prpd_train.scene.randomisation import Randomisation
from prpd_train.schedule.config import ScheduleConfig


@dataclass(frozen=True)
class TrainConfig:
    """One run: from nothing to a policy on the finest grains."""

    env: EnvConfig = field(default_factory=EnvConfig)
    network: NetworkConfig = field(default_factory=NetworkConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    transfer: TransferConfig = field(default_factory=TransferConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    num_envs: int = 128
    """Episodes simulated side by side."""
    seed: int = 0
    processes: int = 1
    """That share a stage and its environments: cores of a CPU, or GPUs (one each, with `--env.device cuda`)."""
    threads: int = 1
    """Of torch in each process, on the CPU; the networks are too small to gain from many."""

    def __post_init__(self) -> None:
        if self.num_envs < 1 or self.threads < 1:
            raise ValueError(f"num_envs and threads must be at least 1, not {self.num_envs} and {self.threads}")
        if self.processes < 1 or self.num_envs % self.processes:
            raise ValueError(f"{self.num_envs} environments cannot be shared equally by {self.processes} processes")
        if self.env.engine == "isaacgym" and self.schedule.mode == "auto":
            raise ValueError(
                "schedule mode 'auto' tries several grain sizes in one process, which Isaac Gym cannot do; "
                "use --schedule.mode interval or list"
            )


def presets() -> Dict[str, TrainConfig]:
    """The named settings of `prpd train`."""
    paper = TrainConfig(ppo=PPOConfig(horizon=128, minibatches=16))
    cpu = TrainConfig(num_envs=64, schedule=ScheduleConfig(max_iterations=200))
    smoke = TrainConfig(
        env=EnvConfig(scenes=8),
        ppo=PPOConfig(horizon=16),
        schedule=ScheduleConfig(mode="list", deltas=(0.07, 0.05), window=16, max_iterations=3),
        num_envs=16,
    )
    return {"cpu": cpu, "paper": paper, "smoke": smoke}


def with_scene(config: TrainConfig, scene: str) -> TrainConfig:
    """The same run with another scene preset."""
    return replace(config, env=in_scene(config.env, scene))


def without_randomisation(config: TrainConfig) -> TrainConfig:
    """The same run in a world without errors, variation or delay. There a first grasp may take long to come."""
    env = replace(config.env, randomisation=Randomisation.off(), latency=Latency.off())
    return replace(config, env=env, schedule=replace(config.schedule, patience=0))
