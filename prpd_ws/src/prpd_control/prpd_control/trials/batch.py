"""A batch of trials, from a YAML file; every error names its line."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from prpd_task.errors import UserError

ORDERS = ("random", "listed")


class BatchError(UserError):
    """A batch file that cannot be used."""


@dataclass(frozen=True)
class Planned:
    """One trial that shall be run."""

    environment: str
    policy: str
    """Path of the ONNX file; empty: the one that comes with the product."""
    repetition: int
    seed: int
    """Of the soil; the same for every policy, so that policies are compared on the same soils."""


@dataclass(frozen=True)
class Batch:
    """Environments x policies x repetitions."""

    name: str
    environments: tuple[str, ...]
    policies: tuple[str, ...] = ("",)
    repetitions: int = 10
    order: str = "random"
    """`random`: shuffled by the seed, so that slow changes of a cell do not favour an environment; `listed`."""
    seed: int = 0
    acceptance: float = 0.9
    """Share of successes that the batch is meant to reach."""
    timeout: float = 120.0
    """s, of one excavation."""

    def __post_init__(self) -> None:
        if not self.environments or len(set(self.environments)) != len(self.environments):
            raise BatchError(f"environments must be named once each, at least one; they are {list(self.environments)}")
        if not self.policies or len(set(self.policies)) != len(self.policies):
            raise BatchError(f"policies must be named once each, at least one; they are {list(self.policies)}")
        if self.repetitions < 1:
            raise BatchError(f"repetitions must be at least 1, not {self.repetitions}")
        if self.order not in ORDERS:
            raise BatchError(f"order must be one of {', '.join(ORDERS)}, not {self.order!r}")
        if not 0 <= self.acceptance <= 1:
            raise BatchError(f"acceptance must lie between 0 and 1, not {self.acceptance}")
        if not self.timeout > 0:
            raise BatchError(f"timeout must be positive, not {self.timeout} s")

    def plan(self) -> list[Planned]:
        """All trials, in the order in which they shall be run."""
        trials = [
            Planned(environment, policy, repetition, self.seed + repetition)
            for repetition in range(self.repetitions)
            for environment in self.environments
            for policy in self.policies
        ]
        if self.order == "random":
            random.Random(self.seed).shuffle(trials)
        return trials


_KINDS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "environments": (list,),
    "policies": (list,),
    "repetitions": (int,),
    "order": (str,),
    "seed": (int,),
    "acceptance": (int, float),
    "timeout": (int, float),
}


def load(path: str | Path, *, known_environments: Sequence[str] | None = None) -> Batch:
    """Read a batch file. With `known_environments` (the twin's), others are refused; a real cell's are free names."""
    path = Path(path).expanduser()
    try:
        text = path.read_text()
    except OSError as error:
        raise BatchError(f"batch file {path} cannot be read: {error.strerror}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BatchError(f"{path}:{line}: not readable as YAML: {error.problem}") from error
    if not isinstance(root, yaml.MappingNode):
        raise BatchError(f"{path}:1: expected fields such as `environments: [cube_sand]`")
    values: dict[str, Any] = {"name": path.stem}
    for key_node, node in root.value:
        where, key = f"{path}:{key_node.start_mark.line + 1}", key_node.value
        if key not in _KINDS:
            raise BatchError(f"{where}: unknown field {key!r}; known are {', '.join(_KINDS)}")
        values[key] = _value(node, key, where, path.parent)
        if key == "environments" and known_environments is not None:
            for item in node.value:
                if item.value not in known_environments:
                    raise BatchError(
                        f"{path}:{item.start_mark.line + 1}: unknown environment {item.value!r}; "
                        f"known are {', '.join(known_environments)}"
                    )
    if "environments" not in values:
        raise BatchError(f"{path}:1: the field `environments` is missing")
    try:
        return Batch(**values)
    except BatchError as error:
        raise BatchError(f"{path}: {error}") from error


def _value(node: yaml.Node, key: str, where: str, folder: Path) -> Any:
    value = yaml.constructor.SafeConstructor().construct_document(node)
    if not isinstance(value, _KINDS[key]) or isinstance(value, bool):
        raise BatchError(f"{where}: {key} must be a {_KINDS[key][-1].__name__}, not {value!r}")
    if not isinstance(value, list):
        return value
    if not all(isinstance(v, str) for v in value):
        raise BatchError(f"{where}: {key} must be a list of texts, not {value!r}")
    if key == "policies":  # paths in a batch file are relative to the file
        return tuple(str((folder / Path(v).expanduser()).resolve()) if v else v for v in value)
    return tuple(value)
