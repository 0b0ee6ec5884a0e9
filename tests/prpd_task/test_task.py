"""Action, observation and success: what the policy does and sees, and what counts."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_task.action import next_target
from prpd_task.frames import bucket_to_soil
from prpd_task.observation import observe, terms
from prpd_task.spec import SuccessSpec, TaskSpec
from prpd_task.success import excavated, held, in_bucket

SPEC = TaskSpec()
POSE = np.array([0.05, -0.1, 0.15, 0.4])


def judge(**changes: object) -> bool:
    state = dict(
        bucket_pose=POSE,
        rock_position=bucket_to_soil(POSE, np.array([0.01, 0.0, 0.03])),
        rock_bottom=np.array(0.1),
        rock_velocity=np.zeros(3),
        bucket_velocity=np.zeros(3),
        surface_height=np.array(0.0),
    )
    return bool(excavated(SPEC, **{**state, **changes}))


def test_an_action_moves_the_target_by_the_scale_and_no_further() -> None:
    target = np.zeros((2, 4)) + [0.0, -0.1, 0.1, 0.0]
    moved = next_target(SPEC, target, np.array([[1.0, -1.0, 0.5, 1.0], [5.0, 0.0, 0.0, -9.0]]))
    np.testing.assert_allclose(moved - target, [[0.02, -0.02, 0.01, 0.1], [0.02, 0.0, 0.0, -0.1]])


def test_the_target_stays_in_the_workspace() -> None:
    target = np.array(SPEC.workspace_high)
    np.testing.assert_array_equal(next_target(SPEC, target, np.ones(4)), target)
    np.testing.assert_array_equal(next_target(SPEC, np.array(SPEC.workspace_low), -np.ones(4)), SPEC.workspace_low)


@pytest.mark.parametrize("preset, size", [("paper", 8), ("extended", 13)])
def test_observation_has_one_column_per_term(preset: str, size: int) -> None:
    observation = observe(
        TaskSpec(preset=preset),
        bucket_target=np.tile(POSE, (3, 1)),
        rock_position=np.ones((3, 3)),
        rock_in_bucket=np.array([0.0, 1.0, 0.0]),
        bucket_force=np.full((3, 3), 7.0),
        rock_size=np.full(3, 0.05),
        surface_height=np.zeros(3),
    )
    names = [t.name for t in terms(preset)]
    assert observation.shape == (3, size) == (3, len(names))
    np.testing.assert_array_equal(observation[:, names.index("rock_in_bucket")], [0, 1, 0])
    np.testing.assert_array_equal(observation[:, names.index("bucket_pitch")], 0.4)


def test_extended_needs_its_inputs() -> None:
    with pytest.raises(ValueError, match="bucket_force"):
        observe(TaskSpec(preset="extended"), bucket_target=POSE, rock_position=POSE[:3], rock_in_bucket=np.array(0.0))


def test_success_is_a_resting_rock_in_the_bucket_clear_of_the_soil() -> None:
    assert judge()
    assert not judge(rock_bottom=np.array(0.019))
    assert not judge(surface_height=np.array(0.09))
    assert not judge(rock_velocity=np.array([0.0, 0.0, -0.1]))
    assert judge(rock_velocity=np.array([0.0, 0.2, 0.0]), bucket_velocity=np.array([0.0, 0.2, 0.0]))
    assert not judge(rock_position=bucket_to_soil(POSE, np.array([0.0, 0.0, -0.03])))
    assert not judge(rock_position=np.array([0.0, 0.0, 0.15]))


def test_in_bucket_follows_the_pitch() -> None:
    above = POSE[:3] + [0.0, 0.0, 0.07]
    assert in_bucket(SPEC, np.append(POSE[:3], 0.0), above)
    assert not in_bucket(SPEC, np.append(POSE[:3], 1.2), above)


def test_held_counts_consecutive_steps() -> None:
    count = np.zeros(2, int)
    for now in ([1, 1], [1, 0], [1, 1]):
        count = held(count, np.array(now, bool))
    np.testing.assert_array_equal(count, [3, 1])
    assert TaskSpec(success=SuccessSpec(hold_time=0.5), control_period=0.1).hold_steps == 5


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"preset": "full"}, "full"),
        ({"control_period": 0.0}, "control_period"),
        ({"workspace_low": (1.0,) * 4}, "workspace"),
    ],
)
def test_bad_specs_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TaskSpec(**arguments)


def test_torch_gives_the_same_numbers() -> None:
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(0)
    target, action = generator.uniform(-0.2, 0.2, (2, 6, 4))
    np.testing.assert_allclose(
        next_target(SPEC, torch.from_numpy(target), torch.from_numpy(action)).numpy(), next_target(SPEC, target, action)
    )
    rock, velocity = generator.uniform(-0.1, 0.1, (2, 6, 3))
    flags = in_bucket(SPEC, torch.from_numpy(target), torch.from_numpy(rock))
    np.testing.assert_array_equal(flags.numpy(), in_bucket(SPEC, target, rock))
    observation = observe(
        SPEC,
        bucket_target=torch.from_numpy(target),
        rock_position=torch.from_numpy(rock),
        rock_in_bucket=flags.to(torch.float64),
    )
    assert observation.shape == (6, 8)
