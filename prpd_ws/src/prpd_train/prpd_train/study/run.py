"""Run a study by Ray: every run in a folder of its own, which is left alone once it is finished."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

from prpd_train.runs.folder import RunFolder
from prpd_train.runs.provenance import provenance
from prpd_train.runs.train import train
from prpd_train.study.variants import Variant


def run_path(out: Path, variant: Variant, seed: int) -> Path:
    """Where one run of a study lies."""
    return out / variant.name.replace(" ", "_") / f"seed_{seed}"


def one_run(path: Path, variant: Variant, seed: int) -> str:
    """Start a run or go on with it."""
    config = replace(variant.config, seed=seed)
    folder = RunFolder.open(path) if (path / "config.json").exists() else RunFolder.create(path, config, provenance())
    train(folder, quiet=True)
    return str(path)


def run_study(
    out: Path, settings: Sequence[Variant], seeds: Sequence[int], *, cpus_per_run: float = 1.0
) -> Dict[str, str]:
    """All runs of a study; returns the error of each run that failed, by its folder. Call it again to go on."""
    import ray

    started = not ray.is_initialized()
    if started:
        ray.init(
            logging_level="warning",
            include_dashboard=False,
            runtime_env={"env_vars": {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}},
        )
    remote: Any = ray.remote(num_cpus=cpus_per_run, max_retries=1)(one_run)
    pending: Dict[Any, Path] = {}
    for seed in seeds:  # all variants of a seed before the next seed, so that an early stop leaves whole comparisons
        for variant in settings:
            path = run_path(out, variant, seed).resolve()
            pending[remote.remote(path, variant, seed)] = path
    failed: Dict[str, str] = {}
    try:
        while pending:
            (done,), _ = ray.wait(list(pending), num_returns=1)
            path = pending.pop(done)
            try:
                ray.get(done)
                print(f"done: {path}", flush=True)
            except ray.exceptions.RayError as error:
                failed[str(path)] = str(error).strip().splitlines()[-1]
                print(f"failed: {path}: {failed[str(path)]}", flush=True)
    finally:
        if started:
            ray.shutdown()
    return failed


def finished(out: Path, settings: Sequence[Variant], seeds: Sequence[int]) -> List[Tuple[Variant, int, RunFolder]]:
    """The runs of a study that have a finished stage."""
    found = []
    for variant in settings:
        for seed in seeds:
            path = run_path(out, variant, seed)
            if (path / "config.json").exists():
                folder = RunFolder.open(path)
                if folder.results():
                    found.append((variant, seed, folder))
    return found
