from __future__ import annotations

import math

import pytest

from prpd_train.schedule import Candidate, ScheduleConfig, fixed_deltas, next_delta
from prpd_train.schedule.auto import LEAST_LOSS, loss_per_factor, samples_per_success


def test_the_papers_stages():
    assert fixed_deltas(ScheduleConfig()) == (0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01)


@pytest.mark.parametrize(
    ("interval", "deltas"), [(0.03, (0.07, 0.04, 0.01)), (0.02, (0.07, 0.05, 0.03, 0.01)), (0.1, (0.07, 0.01))]
)
def test_intervals_end_at_the_last_grain_size(interval, deltas):
    assert fixed_deltas(ScheduleConfig(interval=interval)) == deltas


def test_an_interval_that_does_not_divide_the_range_ends_with_a_shorter_step():
    assert fixed_deltas(ScheduleConfig(first=0.07, last=0.01, interval=0.025)) == (0.07, 0.045, 0.02, 0.01)


@pytest.mark.parametrize(
    "bad",
    [
        {"mode": "best"},
        {"first": 0.01, "last": 0.07},
        {"interval": 0.0},
        {"target_success": 1.2},
        {"coarse_target": 1.2},
        {"mode": "list"},
        {"mode": "list", "deltas": (0.01, 0.07)},
        {"deltas": (0.07, 0.01)},
        {"window": 0},
    ],
)
def test_impossible_schedules_are_refused(bad):
    with pytest.raises(ValueError, match=r"."):
        ScheduleConfig(**bad)


def test_coarse_stages_learn_more_than_is_asked_in_the_end():
    schedule = ScheduleConfig(target_success=0.9, coarse_target=0.97)
    assert [schedule.target(delta) for delta in (0.07, 0.02, 0.01)] == [0.97, 0.97, 0.9]
    assert ScheduleConfig(mode="list", deltas=(0.07, 0.03), target_success=0.9).target(0.03) == 0.9
    assert ScheduleConfig(target_success=0.99, coarse_target=0.97).target(0.07) == 0.99


COST = {0.05: 1.0, 0.03: 3.0, 0.02: 10.0, 0.01: 100.0}


def choose(success, *, trained=0.07, rate=100_000):
    candidates = [Candidate(d, s, COST[d]) for d, s in success.items()]
    return next_delta(candidates, trained=trained, target=0.95, rate=rate, confirm=8000).delta


def test_the_last_candidate_is_where_it_ends():
    assert choose({0.01: 0.3}) == 0.01


def test_a_policy_that_masters_the_finest_grains_goes_straight_there():
    assert choose({0.05: 0.95, 0.03: 0.95, 0.01: 0.95}) == 0.01


def test_a_policy_that_fails_there_learns_first_where_the_same_failing_is_cheap():
    assert choose({0.05: 0.95, 0.03: 0.5, 0.01: 0.45}) == 0.03


def test_a_coarse_stage_that_has_nothing_to_teach_is_skipped():
    assert choose({0.05: 0.95, 0.03: 0.95, 0.01: 0.5}) == 0.01


def test_what_was_not_tried_is_expected_to_go_the_worse_the_larger_the_step():
    assert choose({0.05: 0.95, 0.03: 0.95, 0.02: 0.95, 0.01: None}) == 0.02
    assert choose({0.03: 0.95, 0.02: None, 0.01: None}) == 0.03
    assert choose({0.05: 0.95, 0.03: 0.95, 0.02: 0.95, 0.01: None}, rate=100) == 0.01


def test_stages_that_cost_as_much_as_the_last_one_are_skipped():
    candidates = [Candidate(d, 0.93, 1.0) for d in (0.05, 0.03, 0.02, 0.01)]
    assert next_delta(candidates, trained=0.07, target=0.95, rate=100_000, confirm=8000).delta == 0.01


def test_the_loss_is_the_line_that_fits_the_probes():
    exact = [Candidate(d, 0.95 - 0.2 * math.log(0.07 / d), 1.0) for d in (0.05, 0.03)]
    assert loss_per_factor([*exact, Candidate(0.01, None, 1.0)], trained=0.07, target=0.95) == pytest.approx(0.2)
    assert loss_per_factor([Candidate(0.05, 1.0, 1.0)], trained=0.07, target=0.95) == LEAST_LOSS


def test_samples_per_success():
    assert samples_per_success(1000, before=0.0, after=0.5) == 2000
    assert samples_per_success(1000, before=0.95, after=0.95) is None
