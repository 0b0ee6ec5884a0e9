from __future__ import annotations

import math

import pytest

from prpd_control.driver.plan import Pace, plan_to

PACE = Pace(speed=0.25, turn_rate=1.2, acceleration=4.0, turn_acceleration=30.0)
LOW, HIGH = (-1.0, -1.0, -1.0, -1.0), (1.0, 1.0, 1.0, 1.0)
REST = (0.0,) * 7


def make(goal, *, start=REST, velocity=REST, duration=0.15, low=LOW, high=HIGH, pace=PACE):
    return plan_to(goal, start=start, velocity=velocity, duration=duration, pace=pace, low=low, high=high)


def track(plan, step=0.002):
    return [plan.at(i * step) for i in range(math.ceil(plan.duration / step) + 2)]


def test_begins_where_the_bucket_is_and_ends_at_the_goal():
    start = (0.1, -0.2, 0.3, 0.1, 0.02, 0.0, -0.01)
    plan = make((0.12, -0.18, 0.31, 0.15), start=start)
    assert plan.at(0.0) == pytest.approx(start)
    assert plan.at(-1.0) == pytest.approx(start)
    assert plan.at(plan.duration) == (0.12, -0.18, 0.31, 0.15, 0.0, 0.0, 0.0)
    assert plan.at(1e9) == plan.goal
    assert plan.velocity_at(plan.duration) == REST


def test_no_jump_at_the_start_nor_between_cycles():
    places = track(make((0.02, 0.02, 0.02, 0.1)))
    assert max(math.dist(a, b) for a, b in zip(places, places[1:])) < 0.0025


@pytest.mark.parametrize("goal", [(0.3, 0.0, 0.0, 0.0), (0.1, 0.2, -0.3, 0.9), (0.0, 0.0, 0.0, -1.0)])
def test_keeps_the_pace_from_rest(goal):
    plan, h = make(goal, duration=0.01), 1e-3
    times = [i * plan.duration / 200 for i in range(1, 200)]
    speeds = [plan.velocity_at(t) for t in times]
    assert max(math.hypot(*v[:3]) for v in speeds) <= PACE.speed * 1.001
    assert max(abs(v[3]) for v in speeds) <= PACE.turn_rate * 1.001
    bends = [[(b - a) / h for a, b in zip(plan.velocity_at(t), plan.velocity_at(t + h))] for t in times[:-2]]
    assert max(math.hypot(*b[:3]) for b in bends) <= PACE.acceleration * 1.01


def test_replacing_a_plan_on_the_way_keeps_position_and_velocity():
    first = make((0.02, 0.0, 0.0, 0.0))
    at = 0.1
    second = make((0.04, 0.0, 0.0, 0.0), start=first.at(at), velocity=first.velocity_at(at))
    assert second.at(0.0) == pytest.approx(first.at(at))
    assert second.velocity_at(0.0) == pytest.approx(first.velocity_at(at))


def test_a_steady_stream_moves_steadily():
    """Commands of 20 mm each 0.1 s: after a start-up, between 0.15 and 0.25 m/s, and less than 40 mm behind."""
    place, velocity, speeds, lag = REST, REST, [], 0.0
    for k in range(1, 20):
        plan = make((0.0, 0.02 * k, 0.0, 0.0), start=place, velocity=velocity)
        if k > 6:
            speeds += [plan.velocity_at(i * 0.01)[1] for i in range(10)]
            lag = max(lag, 0.02 * k - place[1])
        place, velocity = plan.at(0.1), plan.velocity_at(0.1)
    assert min(speeds) > 0.15 and max(speeds) < 0.25
    assert lag < 0.04


def test_reversal_respects_the_acceleration():
    plan = make((-0.02, 0.0, 0.0, 0.0), velocity=(0.2, 0, 0, 0, 0, 0, 0))
    h = 1e-4
    start = [(b - a) / h for a, b in zip(plan.velocity_at(0.0), plan.velocity_at(h))]
    assert math.hypot(*start[:3]) <= PACE.acceleration * 1.01
    assert plan.at(plan.duration)[0] == -0.02


def test_braking_does_not_leave_the_box():
    plan = make(
        (0.1, 0.0, 0.0, 0.0), start=(0.099, 0, 0, 0, 0, 0, 0), velocity=(0.25, 0, 0, 0, 0, 0, 0), high=(0.1, 1, 1, 1)
    )
    assert max(p[0] for p in track(plan)) <= 0.1


def test_from_outside_the_box_the_way_is_in_and_not_further_out():
    plan = make(
        (0.1, 0.0, 0.0, 0.0), start=(0.2, 0, 0, 0, 0, 0, 0), velocity=(0.1, 0, 0, 0, 0, 0, 0), high=(0.1, 1, 1, 1)
    )
    places = [p[0] for p in track(plan)]
    assert places[0] == 0.2 and max(places) <= 0.2 and places[-1] == 0.1


def test_tilt_fades_without_a_jump():
    plan = make((0.0, 0.0, 0.0, 0.0), start=(0, 0, 0, 0, 0.3, 0.0, -0.1))
    tilts = [math.hypot(*p[4:]) for p in track(plan)]
    assert tilts[0] == pytest.approx(math.hypot(0.3, 0.1)) and tilts[-1] == 0.0
    assert max(abs(a - b) for a, b in zip(tilts, tilts[1:])) < 0.005


def test_a_plan_cannot_be_changed():
    with pytest.raises(AttributeError):
        make((0.0, 0.1, 0.0, 0.0)).duration = 1.0
