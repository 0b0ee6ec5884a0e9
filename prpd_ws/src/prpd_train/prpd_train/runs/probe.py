"""Probes: how well the present policy does on finer grains, and what a sample costs there.

Run as `python -m prpd_train.runs.probe RUN DELTA...`; the findings go to `probes.json` in the run's folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from prpd_train.evaluate.episodes import run_episodes
from prpd_train.runs.checkpoint import load_checkpoint
from prpd_train.runs.folder import RunError, RunFolder
from prpd_train.runs.stage import make_network
from prpd_train.schedule.auto import Candidate


def read_probes(folder: RunFolder) -> List[Candidate]:
    """Those of the stage that was finished last."""
    probes: Dict[str, Any] = folder.read_json("probes.json")
    if probes["stages"] != len(folder.results()):
        raise RunError(f"{folder.path / 'probes.json'} is of another stage; delete it and resume")
    return [Candidate(**candidate) for candidate in probes["candidates"]]


def probe(folder: RunFolder, deltas: list[float]) -> None:
    """Try the policy of the last finished stage at each grain size."""
    config = folder.config()
    network = make_network(config).to(config.env.device)
    network.load_state_dict(load_checkpoint(folder.checkpoint(), needs=("network",))["network"])
    found = []
    for delta in deltas:
        episodes = config.schedule.probe_episodes
        outcome = run_episodes(
            network.act, config.env, delta=delta, episodes=episodes, num_envs=episodes, seed=config.seed + 77
        )
        found.append({"delta": delta, "success": outcome.success, "seconds": outcome.seconds / outcome.samples})
    folder.write_json("probes.json", {"stages": len(folder.results()), "candidates": found})


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
