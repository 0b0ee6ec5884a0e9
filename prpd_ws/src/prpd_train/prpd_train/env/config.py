"""Settings of the environment. The fields are the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Tuple

from prpd_task.bucket import BucketGeometry
from prpd_task.reward import RewardSpec
from prpd_task.spec import TaskSpec
from prpd_train.scene.randomisation import Randomisation
from prpd_train.scene.rock_shapes import ROCK_SHAPES
from prpd_train.scene.spec import PRESETS

Range = Tuple[float, float]
LARGE_GRAINS = 0.07
"""m, with which a schedule of the paper begins."""


@dataclass(frozen=True)
class Latency:
    """Delays between command, motion and observation, drawn for each episode. Ours: the paper names none."""

    bucket_lag: Range = (0.0, 0.3)
    """s, by which the bucket follows a moving target: the driver's interpolation, a UR's look-ahead and filters."""
    observation_delay: Range = (0.0, 0.2)
    """s, age of what the camera saw when the policy acts on it."""

    def __post_init__(self) -> None:
        for name in ("bucket_lag", "observation_delay"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ValueError(f"latency {name} must be (low, high) with 0 <= low <= high, not {(low, high)!r}")

    @classmethod
    def off(cls) -> Latency:
        """No delays."""
        return cls((0.0, 0.0), (0.0, 0.0))


@dataclass(frozen=True)
class EnvConfig:
    """What an environment is made of, but for grain size and seed."""

    task: TaskSpec = field(default_factory=TaskSpec)
    reward: RewardSpec = field(default_factory=RewardSpec)
    scene: str = "paper"
    """Scene preset: `paper` (the bucket touches the rock only) or `solid` (it touches the soil too)."""
    randomisation: Randomisation = field(default_factory=Randomisation)
    latency: Latency = field(default_factory=Latency)
    engine: str = "warp"
    """`warp`, `physx` or `isaacgym`."""
    device: str = "cpu"
    """`cpu` or `cuda:0`."""
    force_stop: float = 80.0
    """N, mean over a control step, on the bucket: beyond it the arm stops, and the episode is lost."""
    force_stop_from: float = 0.06
    """m, coarsest grains at which that holds: a gentle touch should be learnt where samples cost little."""
    force_stop_coarse: float = 300.0
    """N, the same with grains of 70 mm and more; between the two it grows with them. As large as the rock, they jam
    like boulders, with forces that no soil has."""
    rock_shapes: Tuple[str, ...] = ("cube",)
    """Of the rocks in the beds, in turn: `cube` (the paper's), `plate` (bent), `natural`. Coarse grains make cubes of
    all of them."""
    scenes: int = 128
    """Different beds and rocks among which an episode's is drawn."""
    first_scenes: int = 16
    """Of these, at the start of a stage. Fine beds take long to settle, and a stage that has little to learn should not
    wait for all of them."""
    scene_interval: int = 8
    """Control steps after which one more of them joins in. 0: all from the start."""

    def force_limit(self, delta: float) -> float:
        """N, on the bucket, beyond which an episode in grains of `delta` m is lost."""
        if delta <= self.force_stop_from + 1e-9:
            return self.force_stop
        share = (delta - self.force_stop_from) / max(LARGE_GRAINS - self.force_stop_from, 1e-9)
        return self.force_stop + min(share, 1.0) * (self.force_stop_coarse - self.force_stop)

    def __post_init__(self) -> None:
        if self.scene not in PRESETS:
            raise ValueError(f"scene preset {self.scene!r} is not known; choose one of {', '.join(PRESETS)}")
        shape = bucket_shape(self.scene)
        if self.task.bucket.shape != shape:
            raise ValueError(
                f"scene preset {self.scene!r} digs with a {shape!r} bucket, the task has {self.task.bucket.shape!r}"
            )
        for name, unit in (("force_stop", "N"), ("force_stop_from", "m"), ("force_stop_coarse", "N")):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)!r} {unit}")
        unknown = [shape for shape in self.rock_shapes if shape not in ROCK_SHAPES]
        if unknown or not self.rock_shapes:
            raise ValueError(f"rock_shapes must be some of {', '.join(ROCK_SHAPES)}, not {self.rock_shapes!r}")
        if self.scenes < 1:
            raise ValueError(f"an environment needs at least one scene, not {self.scenes}")
        if self.first_scenes < 1:
            raise ValueError(f"an environment needs at least one scene at first, not {self.first_scenes}")
        if self.scene_interval < 0:
            raise ValueError(f"scene_interval must be 0 or more control steps, not {self.scene_interval}")
        if self.latency.observation_delay[1] > self.task.max_observation_age:
            raise ValueError(
                f"an observation delay of up to {self.latency.observation_delay[1]} s exceeds the age of "
                f"{self.task.max_observation_age} s beyond which no policy acts; lower latency.observation_delay"
            )


def bucket_shape(scene: str) -> str:
    """The bucket that a scene preset digs with."""
    return "fork" if scene == "paper" else "solid"


def in_scene(config: EnvConfig, scene: str) -> EnvConfig:
    """The same with another scene preset, the bucket that belongs to it, and the forces that digging there takes."""
    task = replace(config.task, bucket=replace(config.task.bucket, shape=bucket_shape(scene)))
    config = replace(config, scene=scene, task=task)
    if scene == "paper":
        return config
    return replace(config, force_stop=150.0, force_stop_from=0.02, force_stop_coarse=1000.0)


def task_for(scene: str, *, preset: str = "paper", max_steps: int = 128) -> TaskSpec:
    """The task of a scene preset, with that preset of observations."""
    return TaskSpec(preset=preset, bucket=BucketGeometry(shape=bucket_shape(scene)), max_steps=max_steps)
