"""Probes: how well the present policy does on finer grains.

They go from coarse to fine, and end where the next one would bring their cost above a small part of what the run has
cost so far.

Run as `python -m prpd_train.runs.probe RUN DELTA...`; the findings go to `probes/` in the run's folder.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Optional

import torch
from torch import Tensor

from prpd_train.evaluate.episodes import run_episodes
from prpd_train.runs.checkpoint import load_checkpoint
from prpd_train.runs.findings import write_findings
from prpd_train.runs.folder import RunFolder, counted_cost
from prpd_train.runs.spent import Spent
from prpd_train.runs.stage import make_network
from prpd_train.schedule.auto import Candidate, affordable

SHARE = 0.03
"""Of the run's cost so far, that the probes after a stage may cost together."""

PATIENCE = 0.5
"""Of the longest episode, after which one is taken for a failure: those that succeed take a third."""


def probe(folder: RunFolder, deltas: list[float]) -> None:
    """Try the policy of the last finished stage at each grain size."""
    start = Spent.now()
    config = folder.config()
    torch.set_num_threads(config.threads)
    network = make_network(config).to(config.env.device)
    network.load_state_dict(load_checkpoint(folder.checkpoint(), needs=("network",))["network"])
    generator = torch.Generator(config.env.device).manual_seed(config.seed)

    def act(observation: Tensor) -> Tensor:
        """With the noise of a policy that learns, since a stage counts its successes so."""
        return torch.clamp(network.policy(observation).sample(generator), -1.0, 1.0)

    schedule, results = config.schedule, folder.results()
    episodes, patience = schedule.probe_episodes, int(PATIENCE * config.env.task.max_steps)
    budget = SHARE * counted_cost(results, schedule)
    tried = affordable(deltas, each=episodes * patience, budget=budget, cost=schedule.cost)
    found = [Candidate(delta, None) for delta in deltas]
    for i, delta in enumerate(deltas[:tried]):
        outcome = run_episodes(
            act,
            config.env,
            delta=delta,
            episodes=episodes,
            num_envs=episodes,
            seed=config.seed + 77,
            max_steps=patience,
        )
        found[i] = Candidate(delta, outcome.success)
    spent = Spent.now() - start
    write_findings(folder, len(results), found, replace(spent, simulation_seconds=spent.seconds))


def main(argv: Optional[list[str]] = None) -> int:
    """Probe the grain sizes given."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) < 2:
        print("usage: python -m prpd_train.runs.probe RUN DELTA...", file=sys.stderr)
        return 2
    probe(RunFolder.open(Path(arguments[0])), [float(delta) for delta in arguments[1:]])
    return 0


if __name__ == "__main__":
    sys.exit(main())
