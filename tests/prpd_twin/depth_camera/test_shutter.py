"""Images in step with the soil."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_twin.depth_camera.shutter import AHEAD, Shutter

TICK = 0.02


def stamps(period: float, *, seconds: float, phase: float = 0.0, jitter: float = 0.0) -> np.ndarray:
    """s, of the states that a camera shows of a soil whose states come each `TICK`, give or take `jitter`."""
    rng, shutter, shown = np.random.default_rng(0), Shutter(period), []
    for k in range(round(seconds / TICK)):
        stamp = 100.0 + phase + TICK * k + rng.uniform(-jitter, jitter)
        if round(1e9 * stamp) >= shutter.due_ns:
            shutter.shown(round(1e9 * stamp), stamp)
            shown.append(stamp)
    return np.array(shown)


@pytest.mark.parametrize("jitter", [0.0, 0.004])
def test_ten_images_a_second_are_of_every_fifth_state(jitter: float) -> None:
    apart = np.diff(stamps(0.1, seconds=20.0, jitter=jitter))
    assert np.all(np.round(apart / TICK) == 5)


@pytest.mark.parametrize("rate", [30.0, 15.0, 7.0])
def test_a_rate_that_is_none_of_the_soil_is_kept_on_the_average(rate: float) -> None:
    found = stamps(1 / rate, seconds=60.0)
    assert (len(found) - 1) / (found[-1] - found[0]) == pytest.approx(rate, rel=0.02)


def test_after_a_pause_it_goes_on_with_the_first_state_that_comes() -> None:
    shutter = Shutter(0.1)
    shutter.shown(10**9, 1.0)
    shutter.missed(1.2)
    assert shutter.opens == pytest.approx(1.3 - AHEAD)
    shutter.shown(5 * 10**9, 5.0)
    assert shutter.due_ns == pytest.approx(5.09e9)


@pytest.mark.parametrize("pause", [0.06, 0.08, 0.1, 0.14])
def test_after_a_short_pause_the_images_keep_their_step(pause: float) -> None:
    states = np.concatenate([TICK * np.arange(100), 2.0 + pause + TICK * np.arange(150)])
    shutter, shown = Shutter(0.1), []
    for _ in range(40):
        newest = states[states <= shutter.opens][-1:]
        due = states[states >= shutter.due_ns / 1e9 - 1e-6]
        stamp = newest[0] if len(newest) and newest[0] in due else due[0]
        shutter.shown(round(1e9 * stamp), max(stamp, shutter.opens))
        shown.append(stamp)
    apart = np.diff(shown)
    assert np.count_nonzero(np.round(apart / TICK) != 5) == 1, f"but for the pause: {apart.round(3)}"


def test_the_next_state_is_looked_for_a_little_before_it_is_there() -> None:
    shutter = Shutter(0.1)
    assert shutter.opens == 0.0 and shutter.due_ns < 0, "the first one is any"
    shutter.shown(7 * 10**9, 3.0)
    assert shutter.opens == pytest.approx(3.1 - AHEAD)
