"""The environments of the twin: which rock lies how in which bed. Data files, one per environment."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from prpd_task.errors import UserError
from prpd_task.frames import Pose, quaternion_multiply
from prpd_train.scene.generator import make_scene
from prpd_train.scene.rock_shapes import ROCK_SHAPES
from prpd_train.scene.spec import Materials, SceneSpec

FOLDER = Path(__file__).resolve().parents[1] / "environments"


@dataclass(frozen=True)
class Environment:
    """One environment. Lengths in m."""

    name: str
    description: str
    rock: str
    """`cube`, `plate` (bent) or `natural`."""
    grain_size: float
    burial: float
    """Of the rock's centre below the surface."""
    spread: float = 0.02
    """Half-width of the rock's position in x and y; its yaw is anything."""
    rock_mass: float = 1.0
    """kg, +-10 %."""
    soil_density: float = 3.0 / 0.125**3
    """kg/m^3, of the bulk."""
    friction: float = 0.5
    """Of grain on grain; other pairs in proportion to it."""
    preset: str = "paper"

    def __post_init__(self) -> None:
        if self.rock not in ROCK_SHAPES:
            raise UserError(f"environment {self.name}: rock {self.rock!r} is not one of {', '.join(ROCK_SHAPES)}")
        for name in ("grain_size", "rock_mass", "soil_density", "friction"):
            if not getattr(self, name) > 0:
                raise UserError(f"environment {self.name}: {name} must be positive, not {getattr(self, name)!r}")

    def scene(self, seed: int) -> SceneSpec:
        """The scene of a seed: same environment, same seed, same soil, to the byte."""
        nominal = Materials()
        factor = self.friction / nominal.soil
        scene = make_scene(
            self.grain_size,
            self.preset,
            seed,
            rock_shape=self.rock,
            rock_burial=self.burial,
            soil_density=self.soil_density,
            materials=Materials(**{f.name: getattr(nominal, f.name) * factor for f in fields(Materials)}),
        )
        rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
        x, y = rng.uniform(-self.spread, self.spread, 2)
        yaw, mass = rng.uniform(-math.pi, math.pi), self.rock_mass * rng.uniform(0.9, 1.1)
        turn = Pose.from_rpy((0.0, 0.0, 0.0), yaw=yaw).quaternion
        quaternion = quaternion_multiply(np.asarray(turn), np.asarray(scene.rock.quaternion))
        corners = scene.rock.corners()
        room = np.array(scene.bed.footprint) / 2 - np.hypot(corners[:, 0], corners[:, 1]).max()
        x, y = np.clip((x, y), -room, room)
        rock = replace(
            scene.rock,
            mass=float(mass),
            position=(float(x), float(y), scene.rock.position[2]),
            quaternion=Pose.from_arrays((0.0, 0.0, 0.0), quaternion).quaternion,
        )
        return replace(scene, rock=rock)


def names() -> list[str]:
    """Of the environments that come with the product."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str) -> Environment:
    """An environment by name, or from the path of a file of one's own."""
    path = FOLDER / f"{name}.yaml" if not name.endswith((".yaml", ".yml")) else Path(name).expanduser()
    if not path.is_file():
        raise UserError(f"there is no environment {name!r}; known are {', '.join(names())}, or give a YAML file")
    try:
        data: Any = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not readable as YAML: {error}") from error
    known = {f.name: f for f in fields(Environment) if f.name != "name"}
    if not isinstance(data, dict) or set(data) - set(known):
        raise UserError(f"{path}: expected the fields {', '.join(known)}; found {data!r}")
    for key, value in data.items():
        kind = str if known[key].type == "str" else (int, float)
        if not isinstance(value, kind):
            raise UserError(f"{path}: {key} must be a {known[key].type}, not {value!r}")
    try:
        return Environment(name=path.stem, **data)
    except TypeError as error:
        raise UserError(f"{path}: {error}") from error
