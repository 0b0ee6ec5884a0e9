from __future__ import annotations

import numpy as np
import pytest
import torch

from prpd_task.reward import RewardSpec, potential, step_reward, way_into_bowl
from prpd_task.spec import TaskSpec

TASK = TaskSpec()
REWARD = RewardSpec()
MOST = REWARD.reach + REWARD.curl + REWARD.lift + REWARD.hold
LEVEL = np.array([0.0, 0.0, 0.0, 0.0])


def phi(bucket_pose, rock_position, hold=0):
    rock = np.asarray(rock_position, float)
    return potential(
        TASK,
        REWARD,
        bucket_pose=np.asarray(bucket_pose, float),
        rock_position=rock,
        rock_bottom=rock[..., 2] - 0.025,
        surface_height=np.zeros(rock.shape[:-1]),
        hold_count=np.full(rock.shape[:-1], hold),
    )


def test_a_rock_below_the_floor_must_go_round_the_edge():
    seat = way_into_bowl(TASK, REWARD, LEVEL, np.array([0.0, 0.0, REWARD.seat]))
    above = way_into_bowl(TASK, REWARD, LEVEL, np.array([0.0, 0.0, 0.05]))
    below = way_into_bowl(TASK, REWARD, LEVEL, np.array([0.0, 0.0, -0.01]))
    assert seat == pytest.approx(0.0)
    assert above == pytest.approx(0.02 * REWARD.up)
    assert below > TASK.bucket.length / 2


def test_the_way_is_continuous_where_the_edge_stops_mattering():
    y = np.linspace(0.0, 0.3, 3001)
    way = way_into_bowl(TASK, REWARD, LEVEL, np.stack([0 * y, y, 0 * y - 0.02], -1))
    assert np.abs(np.diff(way)).max() < 4e-4


def test_potential_grows_from_far_to_near_to_lifted_to_held():
    far = phi([0.0, -0.22, 0.14, 0.0], [0.0, 0.0, -0.02])
    near = phi([0.0, -0.08, -0.05, 0.0], [0.0, 0.0, -0.02])
    seated = phi([0.0, 0.0, -0.05, 0.0], [0.0, 0.0, -0.02])
    lifted = phi([0.0, 0.0, 0.05, 0.0], [0.0, 0.0, 0.08])
    held = phi([0.0, 0.0, 0.05, 0.0], [0.0, 0.0, 0.08], hold=TASK.hold_steps)
    assert 0 <= far < near < seated < lifted < held <= MOST


def test_raised_tips_count_only_with_the_rock_in_the_bowl():
    assert phi([0.0, 0.0, 0.0, 0.2], [0.0, 0.0, 0.03]) > phi([0.0, 0.0, 0.0, -0.2], [0.0, 0.0, 0.03])
    assert phi([0.0, -0.4, 0.3, 0.2], [0.0, 0.0, 0.0]) < REWARD.reach


def test_a_rock_pushed_into_the_air_outside_the_bowl_earns_no_lift():
    assert phi(LEVEL, [0.0, 0.2, 0.2]) < REWARD.reach


@pytest.mark.parametrize("seed", range(5))
def test_no_path_without_success_earns_more_than_the_potential_once(seed):
    """Holding, dipping, wandering for as long as one likes: the discounted return stays below one potential."""
    rng = np.random.default_rng(seed)
    steps, most = 3000, MOST
    wandering = rng.uniform(0.0, most, steps + 1)
    dipping = np.where(np.arange(steps + 1) // 10 % 2, most, 0.0)
    holding = np.full(steps + 1, most)
    for potentials in (wandering, dipping, holding):
        rewards = step_reward(
            REWARD,
            before=potentials[:-1],
            after=potentials[1:],
            success=np.zeros(steps, bool),
            lost=np.zeros(steps, bool),
            action=np.zeros((steps, 4)),
            force=np.zeros(steps),
        )
        assert rewards.sum() == pytest.approx(potentials[-1] - potentials[0], abs=1e-9)
        assert (rewards * 0.99 ** np.arange(steps)).sum() <= most - potentials[0] + 1e-9


def one_step(before, after, success=False, lost=False, action=0.0, force=0.0):
    return step_reward(
        REWARD,
        before=np.array([before]),
        after=np.array([after]),
        success=np.array([success]),
        lost=np.array([lost]),
        action=np.full((1, 4), action),
        force=np.array([force]),
    )[0]


def test_holding_pays_nothing():
    assert one_step(3.0, 3.0) == 0.0


def test_losing_the_rock_never_pays():
    assert one_step(0.5, 0.5, lost=True) < one_step(0.5, 0.0)


def test_success_pays_on_top_of_whatever_was_earned():
    assert one_step(3.8, 4.0, success=True) == pytest.approx(REWARD.success + 0.2)


def test_effort_and_force_cost():
    assert one_step(1.0, 1.0, action=1.0) == pytest.approx(one_step(1.0, 1.0) - REWARD.effort)
    assert one_step(1.0, 1.0, force=0.5) == one_step(1.0, 1.0)
    assert one_step(1.0, 1.0, force=0.75) == pytest.approx(one_step(1.0, 1.0) - 0.5 * REWARD.force)
    assert one_step(1.0, 1.0, force=50.0) == pytest.approx(one_step(1.0, 1.0) - REWARD.force)


def test_tensors_pass_through_the_same_functions():
    rng = np.random.default_rng(0)
    bucket = rng.uniform(TASK.workspace_low, TASK.workspace_high, (200, 4))
    rock = rng.uniform(-0.1, 0.1, (200, 3))
    arrays = dict(
        bucket_pose=bucket,
        rock_position=rock,
        rock_bottom=rock[:, 2] - 0.03,
        surface_height=np.zeros(200),
        hold_count=np.arange(200.0) % 6,
    )
    tensors = {name: torch.as_tensor(value) for name, value in arrays.items()}
    np.testing.assert_allclose(
        potential(TASK, REWARD, **tensors).numpy(), potential(TASK, REWARD, **arrays), rtol=1e-12
    )
