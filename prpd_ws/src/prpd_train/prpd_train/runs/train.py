"""The whole run: stage after stage, each in a process of its own, until the finest grains are mastered."""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median
from typing import Callable, List, Optional, Sequence

from prpd_task.parent import ENDING_WITH_PARENT, as_parent
from prpd_train.runs.findings import has_findings, read_candidates
from prpd_train.runs.folder import RunError, RunFolder, StageResult, own_samples
from prpd_train.schedule.auto import efolds, next_delta
from prpd_train.schedule.config import first_delta, fixed_deltas

RunModule = Callable[[str, Sequence[str]], None]
"""Runs `python -m MODULE ARGUMENTS` to its end, and raises where that fails."""
DEFAULT_RATE = 6e4
"""Samples in which failures become fewer by a factor e, where no stage has shown it yet."""


def run_module(module: str, arguments: Sequence[str]) -> None:
    """In a process of its own, which ends with this one. Ctrl-C reaches it through the terminal; it is waited for."""
    command = [*ENDING_WITH_PARENT, sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, env={**os.environ, **as_parent()})
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait()
        raise
    if code == 130:
        raise KeyboardInterrupt
    if code != 0:
        raise RunError(f"{module} {' '.join(arguments)} ended with exit code {code}; its message stands above")


def share(run: RunModule, processes: int) -> RunModule:
    """Run a module in several processes at once, by torchrun."""
    if processes == 1:
        return run
    launcher = ["--standalone", "--nproc-per-node", str(processes), "--no-python"]
    worker = [*launcher, *ENDING_WITH_PARENT, sys.executable, "-m"]
    return lambda module, arguments: run("torch.distributed.run", [*worker, module, *arguments])


def _run_over_engine(folder: RunFolder, run: RunModule, module: str, arguments: Sequence[str]) -> None:
    """Run a module that simulates; Isaac Gym must be imported before anything else of it."""
    if folder.config().env.engine == "isaacgym":
        module, arguments = "prpd_train.engines.isaacgym", [module, *arguments]
    run(module, arguments)


def train(folder: RunFolder, *, quiet: bool = False, run: RunModule = run_module) -> List[StageResult]:
    """Start a run or go on with it; returns the results of all its stages."""
    schedule = folder.config().schedule
    flags = ["--quiet"] if quiet else []
    with folder.locked():
        while True:
            results = folder.results()
            delta = following(folder, results, run=run)
            if delta is None:
                _film(folder, results, run)
                return results
            arguments = [str(folder.path), str(len(results)), repr(delta), *flags]
            _run_over_engine(folder, share(run, folder.config().processes), "prpd_train.runs.stage", arguments)
            last = folder.results()[-1]
            if not last.reached and not quiet:
                target = schedule.target(last.delta)
                print(
                    f"stage {last.index} ({last.delta * 1000:.4g} mm) ended at success {last.success:.3f} after "
                    f"{schedule.max_iterations} iterations, below the target of {target}; going on",
                    file=sys.stderr,
                )


def _film(folder: RunFolder, results: Sequence[StageResult], run: RunModule) -> None:
    """Draw an episode of each stage; a run is no worse for lack of one."""
    missing = [str(result.index) for result in results if not folder.film(result).exists()]
    alone = folder.config().env.engine == "isaacgym"  # which has one grain size in a process
    for indices in filter(None, [[index] for index in missing] if alone else [missing]):
        try:
            _run_over_engine(folder, run, "prpd_train.view.stages", [str(folder.path), *indices])
        except RunError as error:
            print(f"no film of stage {', '.join(indices)}: {error}", file=sys.stderr)


def following(folder: RunFolder, results: Sequence[StageResult], *, run: RunModule = run_module) -> Optional[float]:
    """m, the next stage's grain size; None when the run is done."""
    schedule = folder.config().schedule
    deltas = fixed_deltas(schedule)
    if not results:
        return first_delta(schedule)
    if schedule.mode != "auto":
        return deltas[len(results)] if len(results) < len(deltas) else None
    finer = [delta for delta in deltas if delta < results[-1].delta - 1e-9]
    if not finer:
        return None
    if len(finer) == 1:
        return finer[0]
    index = len(results)
    begun = _begun(folder, index, finer)
    if begun is not None:
        return begun
    if not has_findings(folder, index):
        _run_over_engine(folder, run, "prpd_train.runs.probe", [str(folder.path), *(repr(delta) for delta in finer)])
    config, last = folder.config(), results[-1]
    confirm = max(schedule.window * 40, config.ppo.horizon * config.num_envs)
    return next_delta(
        read_candidates(folder, index),
        trained=last.delta,
        success=last.success,
        target=schedule.target,
        cost=schedule.cost,
        rate=_rate(results, confirm=confirm),
        confirm=confirm,
    ).delta


def _rate(results: Sequence[StageResult], *, confirm: int) -> float:
    """Samples in which failures became fewer by a factor e: the median of the stages that had something to learn."""
    rates = []
    for stage, samples in zip(results, own_samples(results)):
        first = stage.first_success if stage.first_success == stage.first_success else 0.0
        learnt = efolds(first, stage.success)
        if learnt > 0.5:
            rates.append(max(samples - confirm, 0) / learnt)
    return median(rates) if rates else DEFAULT_RATE


def _begun(folder: RunFolder, index: int, deltas: Sequence[float]) -> Optional[float]:
    """The grain size of a stage that was begun and not finished."""
    for delta in deltas:
        if (folder.stage(index, delta) / "checkpoint.pt").exists():
            return delta
    return None
