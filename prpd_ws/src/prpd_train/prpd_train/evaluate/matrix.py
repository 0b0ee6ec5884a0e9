"""The matrix of policies and grain sizes: which policy does how well where."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

import numpy as np
import torch
from torch import Tensor

from prpd_task.contract import Contract
from prpd_task.errors import UserError
from prpd_task.statistics import wilson_interval
from prpd_train.env.config import EnvConfig, Latency, in_scene
from prpd_train.evaluate.episodes import run_episodes
from prpd_train.scene.randomisation import Randomisation


@dataclass(frozen=True)
class Subject:
    """A policy to be tested."""

    name: str
    act: Callable[[Tensor], Tensor]
    contract: Contract


@dataclass(frozen=True)
class Row:
    """One cell of the matrix."""

    policy: str
    engine: str
    delta: float
    """m."""
    randomised: bool
    rocks: str
    """Shapes of the rocks."""
    episodes: int
    successes: int
    success: float
    low: float
    """End of Wilson's 95 % interval."""
    high: float
    length: float
    """Mean number of steps of the successful episodes."""
    peak_force: float
    """N."""
    seconds: float

    def as_dict(self) -> Dict[str, Any]:
        """For a CSV file."""
        return asdict(self)


def subjects(path: Path) -> List[Subject]:
    """The policy of an ONNX file, or those of all stages of a run's folder."""
    if path.is_dir():
        from prpd_train.export.run_policy import load_trained
        from prpd_train.runs.folder import RunFolder

        found = []
        for index, result in enumerate(RunFolder.open(path).results()):
            trained = load_trained(path, stage=index)
            name = "/".join(path.resolve().parts[-2:])  # of a study: the variant and the seed
            found.append(Subject(f"{name} {result.delta * 1000:.4g} mm", trained.act, trained.contract))
        if not found:
            raise UserError(f"{path} has no finished stage to evaluate")
        return found
    from prpd_train.export.read import read_contract

    contract = read_contract(path)
    return [Subject(path.stem, _onnx_act(path), contract)]


def _onnx_act(path: Path) -> Callable[[Tensor], Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def act(observation: Tensor) -> Tensor:
        (action,) = session.run(["action"], {"observation": observation.cpu().numpy().astype(np.float32)})
        return torch.from_numpy(action).to(observation.device)

    return act


def environment(
    contract: Contract, *, engine: str, randomised: bool, rocks: Sequence[str] = ("cube",), device: str = "cpu"
) -> EnvConfig:
    """The world in which a policy is tested: its own task, with or without randomisation."""
    scene = "paper" if contract.task.bucket.shape == "fork" else "solid"
    config = EnvConfig(engine=engine, device=device, rock_shapes=tuple(rocks))
    config = replace(in_scene(config, scene), task=contract.task)
    return config if randomised else replace(config, randomisation=Randomisation.off(), latency=Latency.off())


def evaluate(
    policies: Sequence[Subject],
    *,
    deltas: Sequence[float],
    engines: Sequence[str],
    randomised: bool,
    rocks: Sequence[str],
    episodes: int,
    num_envs: int,
    seed: int,
    device: str = "cpu",
) -> Iterator[Row]:
    """One row after the other; grain sizes in m."""
    for engine in engines:
        for delta in deltas:
            for subject in policies:
                config = environment(subject.contract, engine=engine, randomised=randomised, rocks=rocks, device=device)
                outcome = run_episodes(
                    subject.act, config, delta=delta, episodes=episodes, num_envs=num_envs, seed=seed
                )
                low, high = wilson_interval(outcome.successes, outcome.episodes)
                yield Row(
                    subject.name,
                    engine,
                    delta,
                    randomised,
                    " ".join(rocks),
                    outcome.episodes,
                    outcome.successes,
                    outcome.success,
                    low,
                    high,
                    outcome.length,
                    outcome.peak_force,
                    outcome.seconds,
                )


def markdown(rows: Sequence[Row]) -> str:
    """A table for each engine: policies down, grain sizes across, success with its interval."""
    tables = []
    for engine in dict.fromkeys(row.engine for row in rows):
        mine = {(row.policy, row.delta): row for row in rows if row.engine == engine}
        deltas = list(dict.fromkeys(delta for _, delta in mine))
        lines = [f"| {engine} | {' | '.join(f'{1000 * delta:.4g} mm' for delta in deltas)} |"]
        lines.append("|---" * (len(deltas) + 1) + "|")
        for policy in dict.fromkeys(policy for policy, _ in mine):
            found = [mine.get((policy, delta)) for delta in deltas]
            cells = ["" if row is None else f"{row.success:.3f} [{row.low:.2f}, {row.high:.2f}]" for row in found]
            lines.append(f"| {policy} | {' | '.join(cells)} |")
        tables.append("\n".join(lines) + "\n")
    return "\n".join(tables)
