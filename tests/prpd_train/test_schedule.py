from __future__ import annotations

import pytest

from prpd_train.schedule import Candidate, ScheduleConfig, first_delta, fixed_deltas, next_delta
from prpd_train.schedule.auto import affordable, efolds


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
        {"even": -0.01},
        {"start_cost": 0.9},
    ],
)
def test_impossible_schedules_are_refused(bad):
    with pytest.raises(ValueError, match=r"."):
        ScheduleConfig(**bad)


def test_auto_begins_where_coarser_grains_would_save_nothing():
    assert first_delta(ScheduleConfig()) == 0.07, "a fixed schedule begins where it is told to"
    assert first_delta(ScheduleConfig(mode="auto", start_cost=1.0)) == 0.07
    assert first_delta(ScheduleConfig(mode="auto", even=0.0)) == 0.01, "grains cost nothing"
    schedule = ScheduleConfig(mode="auto")
    start = first_delta(schedule)
    assert schedule.cost(start) <= 1.2 * schedule.cost(0.07) < schedule.cost(start - schedule.interval)


def test_coarse_stages_have_a_target_of_their_own():
    schedule = ScheduleConfig(target_success=0.9, coarse_target=0.97)
    assert [schedule.target(delta) for delta in (0.07, 0.02, 0.01)] == [0.97, 0.97, 0.9]
    assert ScheduleConfig(mode="list", deltas=(0.07, 0.03), target_success=0.9).target(0.03) == 0.9
    assert ScheduleConfig(target_success=0.95, coarse_target=0.7).target(0.07) == 0.7, "also a lower one"


COST = {0.06: 1.0, 0.05: 1.0, 0.04: 1.5, 0.03: 3.0, 0.02: 10.0, 0.01: 100.0}


def target(delta):
    return 0.95 if delta < 0.015 else 0.97


def choose(found, *, trained=0.07, success=0.97, rate=50_000):
    candidates = [Candidate(d, s) for d, s in found.items()]
    return next_delta(
        candidates,
        trained=trained,
        success=success,
        target=target,
        cost=COST.__getitem__,
        rate=rate,
        confirm=6000,
    ).delta


def test_the_last_candidate_is_where_it_ends():
    assert choose({0.01: 0.3}) == 0.01


def test_a_policy_that_masters_the_finest_grains_goes_straight_there():
    assert choose({0.05: 0.97, 0.03: 0.97, 0.01: 0.95}) == 0.01


def test_a_policy_that_fails_there_learns_first_where_the_same_failing_is_cheap():
    assert choose({0.05: 0.97, 0.03: 0.5, 0.01: 0.45}) == 0.03


def test_a_coarse_stage_that_has_nothing_to_teach_is_skipped():
    assert choose({0.05: 0.97, 0.03: 0.97, 0.01: 0.5}) == 0.01


def test_hard_grains_on_the_way_are_left_aside_where_finer_ones_are_mastered_better():
    assert choose({0.06: 0.80, 0.05: 0.91, 0.04: 0.94, 0.03: None, 0.02: None, 0.01: None}) == 0.04


def test_what_was_not_tried_is_expected_to_go_the_worse_the_larger_the_step():
    assert choose({0.02: 0.95, 0.01: None}) == 0.02
    assert choose({0.03: 0.95, 0.02: None, 0.01: None}) == 0.03
    assert choose({0.02: 0.95, 0.01: None}, rate=100) == 0.01


def test_without_any_probe_the_success_at_the_grains_trained_on_is_what_is_known():
    assert choose({0.02: None, 0.01: None}, trained=0.03, success=0.5) == 0.02


def test_stages_that_cost_as_much_as_the_last_one_are_skipped():
    candidates = [Candidate(d, 0.93) for d in (0.05, 0.03, 0.02, 0.01)]
    chosen = next_delta(
        candidates,
        trained=0.07,
        success=0.97,
        target=lambda _: 0.95,
        cost=lambda _: 1.0,
        rate=50_000,
        confirm=6000,
    )
    assert chosen.delta == 0.01


def test_nothing_finer_is_an_error():
    with pytest.raises(ValueError, match="no finer"):
        choose({})


def test_failures_are_what_is_counted():
    assert efolds(0.0, 0.99) == pytest.approx(2 * efolds(0.0, 0.9))
    assert efolds(0.97, 0.95) == 0.0
    assert efolds(0.999, 1.0) == 0.0, "what cannot be seen is not waited for"


def test_the_cost_of_grains_is_that_of_all_else_where_it_is_even():
    schedule = ScheduleConfig(even=0.02)
    assert schedule.cost(0.02) == 2.0
    assert schedule.cost(0.01) == 17.0
    assert ScheduleConfig(even=0.0).cost(0.01) == 1.0


def test_probes_end_where_they_would_be_dear():
    cost = {0.06: 1.0, 0.03: 2.0, 0.01: 100.0}.__getitem__
    assert affordable([0.06, 0.03, 0.01], each=10, budget=30, cost=cost) == 2
    assert affordable([0.06, 0.03, 0.01], each=10, budget=29, cost=cost) == 1
    assert affordable([0.06, 0.03, 0.01], each=10, budget=0, cost=cost) == 1, "at least one is made"
    assert affordable([0.06, 0.03, 0.01], each=10, budget=1e9, cost=cost) == 3
