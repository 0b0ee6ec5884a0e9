"""A run's folder: all that is needed to read, resume or repeat it.

config.json  provenance.json  metrics.csv  tensorboard/  policy.onnx
stages/00_070mm/{checkpoint.pt, result.json, episode.gif}  stages/01_060mm/...  probes/01.json
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

from prpd_task.errors import UserError
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.files import write_atomically
from prpd_train.runs.serial import from_plain, to_plain
from prpd_train.schedule.config import ScheduleConfig


class RunError(UserError):
    """A run that cannot be created, read or resumed."""


@dataclass(frozen=True)
class StageResult:
    """How a stage ended."""

    index: int
    delta: float
    """m."""
    success: float
    """Over the last window of episodes."""
    first_success: float
    """Of the first episodes of the stage: what came over from the one before. NaN if too few."""
    iterations: int
    samples: int
    seconds: float
    """Of setting up, collecting and learning, in this stage and those before."""
    simulation_seconds: float
    """Of these, in the environment, settling its scenes included."""
    cpu_seconds: float
    """Likewise `seconds`, but of processor time: what other work on the machine does not change."""
    reached: bool
    """Whether the target success was reached; else the cap on iterations ended the stage."""


def own_samples(results: Sequence[StageResult]) -> List[int]:
    """Samples of each stage alone."""
    before = [0, *(stage.samples for stage in results)]
    return [stage.samples - earlier for stage, earlier in zip(results, before)]


def counted_cost(results: Sequence[StageResult], schedule: ScheduleConfig) -> float:
    """Of all samples, each counted by what the schedule takes it to cost."""
    return sum(samples * schedule.cost(stage.delta) for stage, samples in zip(results, own_samples(results)))


@dataclass(frozen=True)
class RunFolder:
    """Paths and contents of one run."""

    path: Path

    @classmethod
    def create(cls, path: Path, config: TrainConfig, provenance: Dict[str, Any]) -> RunFolder:
        """A new run; refuses a folder that holds something."""
        if path.exists() and any(path.iterdir()):
            raise RunError(f"{path} is not empty; resume it with --resume, or choose another folder with --out")
        (path / "stages").mkdir(parents=True)
        folder = cls(path)
        folder.write_json("provenance.json", provenance)
        folder.write_json("config.json", to_plain(config))
        return folder

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """An existing run."""
        if not (path / "config.json").exists():
            raise RunError(f"{path} is no run: it has no config.json")
        return cls(path)

    def write_json(self, name: str, content: Any) -> None:
        """Write one of the folder's JSON files, whole."""
        write_atomically(self.path / name, (json.dumps(content, indent=2) + "\n").encode())

    def read_json(self, name: str) -> Any:
        """Read one."""
        try:
            return json.loads((self.path / name).read_text())
        except (OSError, json.JSONDecodeError) as error:
            raise RunError(f"{self.path / name} is not readable: {error}") from error

    def config(self) -> TrainConfig:
        """The run's settings."""
        try:
            return from_plain(TrainConfig, self.read_json("config.json"))
        except ValueError as error:
            raise RunError(f"{self.path / 'config.json'} does not fit this version: {error}") from error

    def stage(self, index: int, delta: float) -> Path:
        """The folder of a stage."""
        return self.path / "stages" / f"{index:02d}_{delta * 1000:03.4g}mm"

    def film(self, result: StageResult) -> Path:
        """Where an episode of a finished stage is drawn."""
        return self.stage(result.index, result.delta) / "episode.gif"

    def results(self) -> List[StageResult]:
        """Of the finished stages, in order."""
        files = sorted((self.path / "stages").glob("*/result.json"))
        return [from_plain(StageResult, json.loads(file.read_text())) for file in files]

    def finish_stage(self, result: StageResult) -> None:
        """Note that a stage is done; only then does the next one begin."""
        name = self.stage(result.index, result.delta).relative_to(self.path) / "result.json"
        self.write_json(str(name), to_plain(result))

    def checkpoint(self, index: Optional[int] = None) -> Path:
        """Of a finished stage; by default the last one."""
        results = self.results()
        if not results:
            raise RunError(f"{self.path} has no finished stage yet")
        result = results[-1 if index is None else index]
        return self.stage(result.index, result.delta) / "checkpoint.pt"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second trainer out; the lock goes with the process, however it ends."""
        with open(self.path / ".lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise RunError(
                    f"{self.path} is being trained by another process; wait for it or stop it first"
                ) from error
            yield
