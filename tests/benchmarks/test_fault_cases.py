"""Which repetitions of a driver's fault say something about it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fault_cases import HELD_UP, Outcome

from prpd_control.driver.supervisor import PAUSED

WATCHDOG = f"program_stopped: it does not run any more; {PAUSED} 51 ms, and its watchdog waits 40 ms"


@pytest.mark.parametrize(
    ("told", "right", "held_up", "sound"),
    [
        ("command_silence: none for 0.15 s", True, 0.0, True),
        ("command_silence: none for 0.15 s", True, 2 * HELD_UP, False),
        (WATCHDOG, False, 0.0, False),
        (WATCHDOG, True, 0.0, True),
        ("program_stopped: it does not run any more", False, 0.0, True),
        ("", False, 0.0, True),
    ],
)
def test_only_a_machine_that_was_too_busy_is_an_excuse(told, right, held_up, sound):
    outcome = Outcome("case", 0.1, 0.01, 0.2, told, right, "", held_up)
    assert outcome.sound(HELD_UP) == sound
