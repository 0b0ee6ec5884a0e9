"""The excavation environment itself: many episodes at once, in torch, on whichever device the engine computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Protocol, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from prpd_task.action import next_target
from prpd_task.arrays import norm
from prpd_task.frames import soil_to_bucket
from prpd_task.observation import observe, terms
from prpd_task.reward import potential, step_reward
from prpd_task.success import excavated, held, in_bucket, out_of_reach
from prpd_train import engines
from prpd_train.engines.protocol import Simulator
from prpd_train.env.config import EnvConfig
from prpd_train.env.delay import DelayLine
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Sample
from prpd_train.scene.spec import SceneSpec

STATE_SIZE = 26
"""Numbers that the critic sees: the true state, which no robot can measure."""


@dataclass(frozen=True)
class Step:
    """What one step of all environments gave; where an episode ended, `observation` and `state` are of the next one."""

    observation: Tensor
    state: Tensor
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    success: Tensor
    """Where an episode ended: whether with the rock excavated."""
    final_observation: Tensor
    """What the last step of an episode led to, before the reset; equal to `observation` elsewhere."""
    final_state: Tensor


class MakeSimulator(Protocol):
    """Builds the engine for a batch of scenes."""

    def __call__(self, specs: Sequence[SceneSpec]) -> Simulator:
        """Not yet reset."""


class Excavation:
    """`num_envs` episodes on one grain size, each reset as soon as it ends."""

    def __init__(
        self,
        config: EnvConfig,
        *,
        delta: float,
        num_envs: int,
        seed: int,
        make_simulator: Optional[MakeSimulator] = None,
    ) -> None:
        self.config = config
        self.delta = delta
        self.force_limit = config.force_limit(delta)
        """N; a learner may lift this limit until it knows the task."""
        self.num_envs = num_envs
        self.observation_size = len(terms(config.task.preset))
        self.scenes: List[SceneSpec] = [
            make_scene(
                delta,
                config.scene,
                seed * 100_003 + i,
                config.randomisation,
                rock_shape=config.rock_shapes[i % len(config.rock_shapes)],
                bucket=config.task.bucket,
            )
            for i in range(config.scenes)
        ]
        self.first_scenes = first = [self.scenes[i % len(self.scenes)] for i in range(num_envs)]
        self.scene_of = list(first)
        """Of each environment's present episode."""
        if make_simulator is None:
            self.simulator = engines.make(config.engine, first, device=config.device)
        else:
            self.simulator = make_simulator(first)
        self.device = torch.device(config.device)
        self.seed(seed)
        zeros = lambda *shape: torch.zeros(num_envs, *shape, device=self.device)  # noqa: E731
        self.target, self.gain = zeros(4), zeros(4)
        self.noise, self.flag_error, self.delay, self.rock_size = zeros(), zeros(), zeros(), zeros()
        self.bias = zeros(3)
        self.hold_count, self.potential, self.steps = zeros(), zeros(), zeros()
        self.past = DelayLine(config.latency.observation_delay[1] / config.task.control_period, zeros(7))

    def seed(self, seed: int) -> None:
        """Restart the draws of scenes, starts and noise."""
        self.rng = np.random.default_rng([seed, 2])
        self.age = 0
        """Control steps since then."""
        self.generator = torch.Generator(self.device).manual_seed(seed)

    def reset(self) -> Tuple[Tensor, Tensor]:
        """Begin new episodes everywhere; observation and state."""
        self._begin(np.arange(self.num_envs))
        return self._observe(), self._state()

    def step(self, action: Tensor, watch: Optional[Callable[[Tensor], None]] = None) -> Step:
        """One control period with actions (N, 4).

        `watch` is called before ended episodes are reset, with (N,) whether each succeeded.
        """
        config, task = self.config, self.config.task
        action = torch.clamp(torch.nan_to_num(action), -1.0, 1.0)
        self.target = next_target(task, self.target, action)
        pose = self._get("bucket_pose")
        followed = pose + self.gain * (self.target - pose)
        self.simulator.step(self._give(followed), task.control_period)
        self.steps, self.age = self.steps + 1, self.age + 1
        self.past.push(self._measured())

        failed = self._get("failed", torch.bool)
        rock, pose = self._get("rock_position"), self._get("bucket_pose")
        done_now = excavated(
            task,
            bucket_pose=pose,
            rock_position=rock,
            rock_bottom=self._get("rock_bottom"),
            rock_velocity=self._get("rock_velocity"),
            bucket_velocity=self._get("bucket_velocity"),
            surface_height=self._get("surface_height"),
        )
        self.hold_count = held(self.hold_count, done_now & ~failed)
        success = self.hold_count >= task.hold_steps
        force = norm(self._get("bucket_force")) / self.force_limit
        stopped = force > 1.0
        success &= ~stopped
        lost = (out_of_reach(task, rock) | stopped) & ~success & ~failed
        before, self.potential = self.potential, torch.where(failed, self.potential, self._potential())
        reward = step_reward(
            config.reward,
            before=before,
            after=self.potential,
            success=success,
            lost=lost,
            action=action,
            force=force,
        )
        terminated = success | lost
        # A simulation that broke down says nothing about the action: it is cut off, not punished, and never a success.
        truncated = ((self.steps >= task.max_steps) | failed) & ~terminated
        reward = torch.where(failed, torch.zeros_like(reward), reward)
        if watch is not None:
            watch(success)
        final_observation, final_state = self._observe(), self._state()
        observation, state = final_observation, final_state
        done = (terminated | truncated).nonzero().squeeze(-1)
        if len(done):
            self._begin(done.cpu().numpy())
            observation, state = final_observation.clone(), final_state.clone()
            observation[done], state[done] = self._observe()[done], self._state()[done]
        return Step(observation, state, reward, terminated, truncated, success, final_observation, final_state)

    def close(self) -> None:
        """Free the engine."""
        self.simulator.close()

    def _begin(self, index: np.ndarray) -> None:
        """Draw a scene, a start and errors of measurement and motion for each, and put the engine there."""
        task, latency = self.config.task, self.config.latency
        specs = [self.scenes[i] for i in self.rng.integers(self._scenes_in_use(), size=len(index))]
        if self.simulator.fixed_scenes:
            specs = [self.first_scenes[i] for i in index]
        for i, spec in zip(index, specs):
            self.scene_of[i] = spec
        samples = [self.config.randomisation.sample(self.rng) for _ in index]
        lag = self.rng.uniform(*latency.bucket_lag, size=len(index))
        delay = self.rng.uniform(*latency.observation_delay, size=len(index))
        low = np.array([*task.workspace_low[:2], max(task.workspace_low[2], task.start_height), task.workspace_low[3]])
        starts = np.array([np.add(task.start_pose, [*s.start_bias, 0.0]) for s in samples])
        starts = np.clip(starts, low, task.workspace_high).astype(np.float32)
        rows = torch.as_tensor(index, device=self.device)
        start = self._tensor(starts)
        self.simulator.reset(index.tolist(), specs, self._give(start))
        self.target[rows] = start
        self.gain[rows] = self._tensor(follow_gain(task.control_period, lag, samples))
        self.noise[rows] = self._tensor([s.rock_observation_noise for s in samples])
        self.bias[rows] = self._tensor([[*s.rock_observation_bias, 0.0] for s in samples])
        self.flag_error[rows] = self._tensor([s.flag_error_rate for s in samples])
        self.delay[rows] = self._tensor(delay / task.control_period)
        self.rock_size[rows] = self._tensor([s.rock.size for s in specs])
        self.hold_count[rows] = 0.0
        self.steps[rows] = 0.0
        self.past.restart(rows, self._measured()[rows])
        self.potential = self.potential.clone()
        self.potential[rows] = self._potential()[rows]

    def _scenes_in_use(self) -> int:
        first, interval = self.config.first_scenes, self.config.scene_interval
        return min(len(self.scenes), first + self.age // interval) if interval else len(self.scenes)

    def _potential(self) -> Tensor:
        return potential(
            self.config.task,
            self.config.reward,
            bucket_pose=self._get("bucket_pose"),
            rock_position=self._get("rock_position"),
            rock_bottom=self._get("rock_bottom"),
            surface_height=self._get("surface_height"),
            hold_count=self.hold_count,
        )

    def _measured(self) -> Tensor:
        """(N, 7) pose of the bucket and position of the rock, as they are now."""
        return torch.cat([self._get("bucket_pose"), self._get("rock_position")], -1)

    def _observe(self) -> Tensor:
        """What the policy is told: where the bucket was sent, and what the camera saw, late, noisy and biased."""
        pose, rock = self.past.read(self.delay).split((4, 3), -1)
        uniform = torch.rand(self.num_envs, 3, generator=self.generator, device=self.device)
        flag = in_bucket(self.config.task, pose, rock) ^ (uniform[:, 2] < self.flag_error)
        seen = rock + self.bias
        seen[:, :2] += (2 * uniform[:, :2] - 1) * self.noise[:, None]
        return observe(
            self.config.task,
            bucket_target=self.target,
            rock_position=seen,
            rock_in_bucket=flag.float(),
            bucket_force=self._get("bucket_force"),
            rock_size=self.rock_size,
            surface_height=self._get("surface_height"),
        )

    def _state(self) -> Tensor:
        """(N, STATE_SIZE): the truth, for the critic."""
        pose, rock, bucket_velocity = (self._get(name) for name in ("bucket_pose", "rock_position", "bucket_velocity"))
        surface = self._get("surface_height")
        columns = [
            pose,
            self.target - pose,
            bucket_velocity,
            soil_to_bucket(pose, rock),
            self._get("rock_velocity") - bucket_velocity,
            self.bias[:, :2],
            self.gain[:, :3],
            (self._get("rock_bottom") - surface)[:, None],
            surface[:, None],
            in_bucket(self.config.task, pose, rock).float()[:, None],
            (self.hold_count / self.config.task.hold_steps)[:, None],
        ]
        return torch.cat(columns, -1)

    def _get(self, name: str, dtype: torch.dtype = torch.float32) -> Tensor:
        tensor = torch.as_tensor(getattr(self.simulator.state, name), dtype=dtype, device=self.device)
        return tensor if dtype == torch.bool else torch.nan_to_num(tensor)

    def _tensor(self, values: object) -> Tensor:
        return torch.as_tensor(np.asarray(values, dtype=np.float32), device=self.device)

    def _give(self, tensor: Tensor) -> object:
        return tensor.numpy() if self.device.type == "cpu" else tensor


def follow_gain(period: float, lag: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
    """(k, 4) share of the way to the target that the bucket goes in one period.

    With a share of period / (period + lag) it follows a steadily moving target exactly `lag` late; the paper's weights
    of the bucket's torque make it stiffer or softer along x, y and z.
    """
    weights = np.array([[*s.actuation, 1.0] for s in samples])
    return weights * (period / (period + lag))[:, None]
