from __future__ import annotations

import pytest

from prpd_control.driver.arm import stop_deceleration
from prpd_control.driver.settings import DriverSettings

SETTINGS = DriverSettings()


@pytest.mark.parametrize(
    ("speed", "turn_rate", "deceleration"),
    [(0.0, 0.0, 10.0), (0.2, 0.0, 10.0), (0.2, 0.1, 10.0), (0.0, 0.5, 0.5 * 25.0 / 0.6), (0.2, 1.2, 30.0)],
)
def test_a_stop_is_over_before_the_watchdog_loses_patience(speed, turn_rate, deceleration):
    velocity = (0.0, speed, 0.0, turn_rate, 0.0, 0.0)
    assert stop_deceleration(velocity, SETTINGS) == pytest.approx(deceleration)


def test_a_stop_without_any_reading_is_the_usual_one():
    assert stop_deceleration((), SETTINGS) == SETTINGS.stop_deceleration
