"""Quick versions of `benchmarks/sim_validity.py`: the engines behave like soil and a rock."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_train.validity import digging, soil, suite

ENGINES = ("warp", "physx")


@pytest.mark.parametrize("delta", [0.07, 0.03, 0.02])
def test_a_bed_at_rest_stays_at_rest_with_sleep_off(delta):
    found = soil.rest("warp", delta, 2.0, sleeping=False)
    assert found.speed < 0.006
    assert found.surface_drift < 0.05 * delta
    assert found.rock_drift < 0.004


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bed_at_rest_stays_at_rest(engine):
    assert soil.rest(engine, 0.03, 2.0) == soil.Rest(0.0, 0.0, 0.0)


def test_most_rocks_find_rest_among_the_grains_that_made_room_for_them():
    assert soil.rest_share("warp", 0.02, 8) >= 0.5


def test_spheres_pack_about_as_real_grains_do():
    assert 0.55 < soil.packing_fraction("warp", 0.03) < 0.69


def test_a_collapse_makes_no_energy_and_a_rougher_heap_is_steeper():
    heaps = [soil.heap("warp", 0.02, friction, count=150, duration=2.0) for friction in (0.2, 0.5, 0.8)]
    assert all(heap.energy_gain < 1e-3 for heap in heaps)
    angles = np.degrees([heap.angle for heap in heaps])
    assert angles[0] + 10 < angles[1] and angles[1] + 4 < angles[2]
    assert 20 < angles[1] < 40


def test_a_heap_does_not_depend_on_the_grain_size():
    angles = [np.degrees(soil.heap("warp", delta, 0.5, count=150, duration=2.0).angle) for delta in (0.07, 0.01)]
    assert angles[0] == pytest.approx(angles[1], abs=4)


def test_the_force_on_a_plate_grows_faster_than_its_depth():
    shallow, deep = digging.plate_forces("warp", 0.02, (0.03, 0.06))
    assert 2 < deep / shallow < 8


def test_a_deeper_rock_is_harder_to_pull():
    assert digging.breakout_force("warp", 0.03, 0.07) > digging.breakout_force("warp", 0.03, 0.02)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("friction", [0.3, 0.5])
def test_a_rock_slides_out_of_a_tilted_bucket_where_statics_says_so(engine, friction):
    expected = np.degrees(np.arctan(friction))
    found = np.degrees(digging.slide_angle(engine, 0.05, friction, np.radians([expected - 3, expected + 3])))
    assert found == pytest.approx(expected + 3)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fork_that_misses_the_rock_does_not_move_it(engine):
    assert digging.untouched(engine, 0.05) == 0.0


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_tunnels_at_the_highest_speed(engine):
    found = digging.sweep(engine, 0.03)
    assert found.below_floor < 0.006
    assert found.through_wall < 0.006
    assert found.in_plates < 0.03
    assert not found.rock_behind


def test_a_value_out_of_its_band_is_told():
    good = {"sweep": {"below floor, mm": 2.0, "rock through back": 0.0}}
    bad = {"sweep": {"below floor, mm": 7.0, "rock through back": float("nan")}}
    found = suite.verdicts({"warp": {"30": good, "20": bad}})
    assert [(verdict.where, verdict.fine) for verdict in found] == [
        ("warp 30 mm, sweep: below floor, mm", True),
        ("warp 30 mm, sweep: rock through back", True),
        ("warp 20 mm, sweep: below floor, mm", False),
        ("warp 20 mm, sweep: rock through back", False),
    ]


def test_engines_are_compared_where_both_were_measured():
    def heaps(*angles):
        return {str(k): {"heap": {"slope at 0.5, degrees": angle}} for k, angle in enumerate(angles)}

    found = suite.verdicts({"warp": heaps(30.0, 36.0), "physx": heaps(20.0)})
    apart = {verdict.where: (verdict.value, verdict.fine) for verdict in found if "mm," not in verdict.where}
    assert apart == {
        "warp, slope at 0.5: largest less smallest": (6.0, False),
        "slope at 0.5: engines apart, degrees": (13.0, False),
    }
