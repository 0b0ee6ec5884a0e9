"""The benchmark of the machine itself, on made-up times."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import machine


def test_a_moment_of_slow_turns_is_counted_once_and_another_one_again():
    took = np.full(1000, 0.25e-3)
    took[[100, 101, 104]] = 2e-3  # 500 turns are a second
    took[600] = 1e-3
    seen = machine.figures(np.zeros(1000), took, real_time=True)
    assert (seen.slow_moments, seen.slow_share) == (2, pytest.approx(0.004))
    assert (seen.turn_p50, seen.turn_max) == (0.25e-3, 2e-3)


def test_a_steady_machine_has_no_slow_moments():
    seen = machine.figures(np.zeros(100), np.full(100, 0.25e-3), real_time=False)
    assert (seen.slow_moments, seen.slow_share, seen.late_max) == (0, 0.0, 0.0)
