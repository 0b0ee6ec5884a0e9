"""Probes: how well the present policy does on finer grains, and what a sample costs there.

They go from coarse to fine, and end where the next one would bring their time above a small part of what the run has
taken so far.

Run as `python -m prpd_train.runs.probe RUN DELTA...`; the findings go to `probes/` in the run's folder.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import List, Optional

import torch
from torch import Tensor

from prpd_train.evaluate.episodes import run_episodes
from prpd_train.runs.checkpoint import load_checkpoint
from prpd_train.runs.findings import write_findings
from prpd_train.runs.folder import RunFolder
from prpd_train.runs.spent import Spent
from prpd_train.runs.stage import make_network
from prpd_train.schedule.auto import Candidate, guessed_seconds

SHARE = 0.05
"""Of the run's time so far, that the probes after a stage may be expected to take together."""


def probe(folder: RunFolder, deltas: list[float]) -> None:
    """Try the policy of the last finished stage at each grain size."""
    start = Spent.now()
    config = folder.config()
    network = make_network(config).to(config.env.device)
    network.load_state_dict(load_checkpoint(folder.checkpoint(), needs=("network",))["network"])
    generator = torch.Generator(config.env.device).manual_seed(config.seed)

    def act(observation: Tensor) -> Tensor:
        """With the noise of a policy that learns, since a stage counts its successes so."""
        return torch.clamp(network.policy(observation).sample(generator), -1.0, 1.0)

    first, run = folder.results()[0], folder.results()[-1]
    simulated = [Candidate(first.delta, None, first.simulation_seconds / first.samples)]
    learner = (run.seconds - run.simulation_seconds) / run.samples  # s per sample, whatever the grains
    episodes = config.schedule.probe_episodes
    began, took = time.perf_counter(), 0.0
    found: List[Candidate] = []
    for delta in deltas:
        cost = guessed_seconds(simulated, delta) if found else 0.0
        expected = took * cost / simulated[-1].seconds
        if found and time.perf_counter() - began + expected > SHARE * run.seconds:
            found.append(Candidate(delta, None, cost + learner))
            continue
        before = time.perf_counter()
        outcome = run_episodes(
            act, config.env, delta=delta, episodes=episodes, num_envs=episodes, seed=config.seed + 77
        )
        took = time.perf_counter() - before
        simulated.append(Candidate(delta, outcome.success, outcome.seconds / outcome.samples))
        found.append(replace(simulated[-1], seconds=simulated[-1].seconds + learner))
    spent = Spent.now() - start
    write_findings(folder, len(folder.results()), found, replace(spent, simulation_seconds=spent.seconds))


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
