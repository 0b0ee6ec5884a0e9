"""One stage: from the policy of the stage before to one that masters the next grain size.

Run as `python -m prpd_train.runs.stage RUN INDEX DELTA`, in a process of its own: some engines leak when a scene is
rebuilt, and whatever happens to the process, the next one goes on from the last iteration.
"""

from __future__ import annotations

import copy
import math
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Dict, Optional

import torch

from prpd_task.observation import terms
from prpd_train.distill.transfer import ConservativeTransfer
from prpd_train.env.excavation import STATE_SIZE, MakeSimulator
from prpd_train.env.gym_env import ExcavationVectorEnv
from prpd_train.ppo.distributed import Group
from prpd_train.ppo.learner import Learner
from prpd_train.ppo.network import ActorCritic
from prpd_train.ppo.rollout import Collector
from prpd_train.runs.checkpoint import load_checkpoint, save_checkpoint
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.findings import spent_before
from prpd_train.runs.folder import RunFolder, StageResult
from prpd_train.runs.metrics import COLUMNS, Metrics
from prpd_train.runs.progress import Progress
from prpd_train.runs.serial import to_plain
from prpd_train.runs.spent import Spent

WARM_UP = 8
"""Steps whose inputs set the normalisation of new networks before they learn."""
SELDOM = 0.3
"""Success below which a first policy has not begun to dig; see `ScheduleConfig.patience`."""


def make_network(config: TrainConfig) -> ActorCritic:
    """Networks for the task's inputs and outputs, freshly initialised."""
    names = [term.name for term in terms(config.env.task.preset)]
    pairs = [(names.index(f"rock_{axis}"), names.index(f"bucket_{axis}")) for axis in "xyz"]
    return ActorCritic(len(names), STATE_SIZE, 4, config.network, differences=pairs)


class Stage:
    """The state of one running stage; `run` carries it to its end."""

    def __init__(
        self,
        folder: RunFolder,
        *,
        index: int,
        delta: float,
        make_simulator: Optional[MakeSimulator] = None,
        quiet: bool = False,
        group: Optional[Group] = None,
    ) -> None:
        began = Spent.now()
        self.folder, self.index, self.delta, self.quiet = folder, index, delta, quiet
        self.config = folder.config()
        self.group = group or Group()
        self.path = folder.stage(index, delta)
        self.path.mkdir(parents=True, exist_ok=True)
        self.seed = self.config.seed * 1009 + index
        torch.set_num_threads(self.config.threads)
        torch.manual_seed(self.seed)
        device = self.group.device(self.config.env.device)
        # Each process draws its own scenes and noise; all begin with the same network.
        self.own_seed = self.seed * 64 + self.group.rank
        self.generator = torch.Generator(device).manual_seed(self.own_seed)
        scenes_began = Spent.now()
        env = ExcavationVectorEnv(
            replace(self.config.env, device=device),
            delta=delta,
            num_envs=self.config.num_envs // self.group.size,
            seed=self.own_seed,
            make_simulator=make_simulator,
            tensors=True,
        )
        scenes = Spent.now() - scenes_began
        self.collector = Collector(env, device=device, window=-(-self.config.schedule.window // self.group.size))
        self.network = make_network(self.config).to(device)
        self.learner = Learner(self.network, self.config.ppo, self.generator, self.group)
        self.transfer: Optional[ConservativeTransfer] = None
        self.iteration = 0
        self.begun = 0
        """Iteration in which the present networks began."""
        self.samples = 0
        self.spent = Spent()
        self.success = self.first_success = float("nan")
        self.target = self.config.schedule.target(delta)
        self.force_limit = env.core.force_limit
        self.gentle = False
        """Whether the arm stops at its force limit. A policy that starts from nothing learns to dig first, then gently:
        stopped at every touch, it would learn to stay away."""
        self._inherit()
        self._resume()
        self._limit_force()
        self.group.broadcast(self.network)
        self.collector.reset(seed=self.own_seed * 1009 + self.iteration)
        simulated = scenes.seconds + self.collector.env_seconds  # beds that settle
        self.spent += replace(Spent.now() - began, simulation_seconds=simulated)

    def _inherit(self) -> None:
        """Take over networks and counters from the stage before, and keep a copy as the teacher."""
        if self.index == 0:
            return
        before = load_checkpoint(self.folder.checkpoint(self.index - 1), needs=("network", "samples", "spent"))
        self.samples = before["samples"]
        self.spent = Spent(**before["spent"]) + spent_before(self.folder, self.index)
        if not self.config.transfer.inherit:
            return
        self.network.load_state_dict(before["network"])
        self.gentle = True
        if self.config.transfer.weight > 0:
            self.transfer = ConservativeTransfer(
                copy.deepcopy(self.network).requires_grad_(False), self.config.transfer
            )

    def _resume(self) -> None:
        if not self.checkpoint.exists():
            return
        saved = load_checkpoint(self.checkpoint, needs=("network", "learner", "iteration", "begun", "spent"))
        self.network.load_state_dict(saved["network"])
        self.learner.load_state_dict(saved["learner"])
        if self.group.size == 1:
            self.generator.set_state(saved["generator"])
        else:
            self.generator.manual_seed(self.own_seed * 1009 + saved["iteration"])
        self.iteration, self.samples, self.spent = saved["iteration"], saved["samples"], Spent(**saved["spent"])
        self.first_success, self.gentle, self.begun = saved["first_success"], saved["gentle"], saved["begun"]
        if self.transfer is not None:
            self.transfer.alpha = saved["alpha"]
            self.transfer.teacher_returns = saved["teacher_returns"].numpy()

    def _limit_force(self) -> None:
        self.collector.env.core.force_limit = self.force_limit if self.gentle else math.inf

    @property
    def checkpoint(self) -> Path:
        """Of this stage."""
        return self.path / "checkpoint.pt"

    def run(self) -> StageResult:
        """Learn until the target success or the cap on iterations."""
        schedule = self.config.schedule
        leads = self.group.leads
        metrics = Metrics(self.folder.path, stage=self.index, iteration=self.iteration) if leads else None
        progress = Progress(self.index, self.delta, schedule, quiet=self.quiet or not leads)
        try:
            if self.iteration == 0 and self._begins_from_nothing:
                self._warm_up()
            reached = False
            while self.iteration < schedule.max_iterations and not reached:
                row, reached = self._iterate()
                progress.show(row)
                if self.iteration < schedule.max_iterations and self._is_stuck():
                    progress.say(f"success {self.success:.3f} after {schedule.patience} iterations: begins anew")
                    self._begin_anew()
                if metrics is not None:
                    metrics.add(row)
                    self._save()
        finally:
            progress.close()
            if metrics is not None:
                metrics.close()
            self.collector.env.close()
        result = StageResult(
            index=self.index,
            delta=self.delta,
            success=self.success,
            first_success=self.first_success,
            iterations=self.iteration,
            samples=self.samples,
            **asdict(self.spent),
            reached=reached,
        )
        if leads:
            self.folder.finish_stage(result)
        return result

    @property
    def _begins_from_nothing(self) -> bool:
        return self.index == 0 or not self.config.transfer.inherit

    def _is_stuck(self) -> bool:
        patience, episodes = self.config.schedule.patience, self.collector.episodes
        waited = self._begins_from_nothing and 0 < patience <= self.iteration - self.begun
        if not waited or self.gentle:
            return False
        # A resumed stage has seen few episodes yet, and must not be judged by them.
        return self.group.mean(len(episodes) / episodes.size) >= 1 and self.success < SELDOM

    def _begin_anew(self) -> None:
        self.begun = self.iteration
        torch.manual_seed(self.seed * 1009 + self.iteration)
        self.network.load_state_dict(make_network(self.config).state_dict())
        self.learner = Learner(self.network, self.config.ppo, self.generator, self.group)
        self.group.broadcast(self.network)
        self._warm_up()

    def _warm_up(self) -> None:
        rollout = self._collect(WARM_UP).flat()
        self.network.observe(self.group.gather(rollout.observation), self.group.gather(rollout.state))
        self.collector.reset(seed=self.own_seed * 1009)

    def _collect(self, horizon: int) -> Any:
        ppo = self.config.ppo
        return self.collector.collect(
            self.network,
            horizon=horizon,
            discount=ppo.discount,
            gae_lambda=ppo.gae_lambda,
            generator=self.generator,
            enough=self._done,
        )

    def _done(self) -> bool:
        """Whether the stage is seen to be done in the middle of an iteration; several processes would not agree."""
        alone = self.group.size == 1
        return alone and self.gentle and self.collector.episodes.certain_success >= self.target

    def _iterate(self) -> tuple[Dict[str, float], bool]:
        """Collect, see whether the target is reached, and if not, learn."""
        config, episodes = self.config, self.collector.episodes
        began, simulated = Spent.now(), self.collector.env_seconds
        rollout = self._collect(config.ppo.horizon).flat()
        if self.first_success != self.first_success and len(episodes) >= min(
            self.collector.env.num_envs, episodes.size
        ):
            self.first_success = episodes.success
            if self.transfer is not None:
                self.transfer.teacher_returns = episodes.returns
        self.success = self.group.mean(episodes.success)
        certain = self.group.mean(episodes.certain_success)
        reached = certain >= self.target
        if reached and not self.gentle:
            self.gentle, reached = True, False
            self._limit_force()
            self.collector.reset(seed=self.own_seed * 1009 + self.iteration + 1)
        statistics: Dict[str, float] = {}
        if reached:
            self.success = certain
            if self.first_success != self.first_success:
                self.first_success = certain
        else:
            if self.transfer is not None:
                self.transfer.begin(self.network, rollout, episodes.returns)
                self.transfer.alpha = self.group.mean(self.transfer.alpha)
            statistics = self.learner.update(rollout, self.transfer)
        self.iteration += 1
        self.samples += len(rollout.action) * self.group.size
        self.spent += replace(Spent.now() - began, simulation_seconds=self.collector.env_seconds - simulated)
        row: Dict[str, float] = dict.fromkeys(COLUMNS, float("nan"))
        row.update(statistics)
        row.update(
            stage=self.index,
            delta=self.delta,
            iteration=self.iteration - 1,
            samples=self.samples,
            **asdict(self.spent),
            success=self.success,
            episodes=len(episodes) * self.group.size,
            length=episodes.length,
            episode_return=float(episodes.returns.mean()) if len(episodes) else float("nan"),
            alpha=self.transfer.alpha if self.transfer is not None else float("nan"),
        )
        return row, reached

    def _save(self) -> None:
        transfer = self.transfer
        save_checkpoint(
            self.checkpoint,
            {
                "network": self.network.state_dict(),
                "learner": self.learner.state_dict(),
                "generator": self.generator.get_state(),
                "iteration": self.iteration,
                "begun": self.begun,
                "samples": self.samples,
                "spent": asdict(self.spent),
                "first_success": self.first_success,
                "gentle": self.gentle,
                "alpha": transfer.alpha if transfer is not None else 1.0,
                "teacher_returns": torch.as_tensor(transfer.teacher_returns if transfer is not None else []),
                "delta": self.delta,
                "config": to_plain(self.config),
            },
        )


def main(argv: Optional[list[str]] = None) -> int:
    """Run one stage of an existing run."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) < 3:
        print("usage: python -m prpd_train.runs.stage RUN INDEX DELTA [--quiet]", file=sys.stderr)
        return 2
    folder = RunFolder.open(Path(arguments[0]))
    index, delta, quiet = int(arguments[1]), float(arguments[2]), "--quiet" in arguments
    try:
        with Group() as group:
            Stage(folder, index=index, delta=delta, quiet=quiet, group=group).run()
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
