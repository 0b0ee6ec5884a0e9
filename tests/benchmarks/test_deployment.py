"""The benchmark that reads a batch's timing, on a ledger and a recording of known numbers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message

from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, Outcome, pack
from prpd_control.trials.recorder import Recording
from prpd_interfaces.msg import PolicyStatus, RockState

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import deployment

RECORDING = "recordings/trial_00001.mcap"


def at(seconds):
    return Time(sec=int(seconds), nanosec=round(seconds % 1 * 1e9))


def record(path):
    """Rock states 50 ms after their images while the policy acts, and much later before and after that."""
    recording = Recording(path)
    for i in range(30):
        now, digging = 1000.0 + 0.1 * i, 10 <= i < 20
        rock, status = RockState(), PolicyStatus()
        rock.header.stamp = at(now - (0.05 if digging else 2.0))
        recording.write("/rock/state", "prpd_interfaces/msg/RockState", serialize_message(rock), round(now * 1e9))
        if digging:
            status.header.stamp = at(now - 0.08)
            message = serialize_message(status)
            recording.write("/policy/status", "prpd_interfaces/msg/PolicyStatus", message, round(now * 1e9))
    recording.close()


@pytest.fixture
def make_ledger(tmp_path):
    def make(*, age):
        record(tmp_path / RECORDING)
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            number = ledger.add_batch(Batch("b", ("cube_sand",), repetitions=1), versions={})
            trial = ledger.next_planned(number)
            times = {"time": [0.1 * i for i in range(10)], "age": [age] * 10, "inference_time": [2e-4] * 10}
            kept = {"recording": RECORDING, "trajectory": pack(times), "real_time_factor": 1.0}
            ledger.finish(trial, Outcome("success", "lifted", "m", 9.0, 10, 12.0, **kept))
        return tmp_path / "ledger.sqlite"

    return make


def test_figures_are_those_of_the_dig_and_hold(make_ledger, tmp_path, capsys):
    numbers = tmp_path / "numbers.json"
    assert deployment.main(deployment.Args(make_ledger(age=0.08), json=numbers)) == 0
    said = capsys.readouterr().out
    assert "stamp to rock state, p50 / p99" in said and "50 / 50 ms" in said
    assert said.splitlines()[-1].startswith("all bounds hold")
    assert json.loads(numbers.read_text())["observation_age_p99"] == pytest.approx(0.08)


def test_a_bound_that_does_not_hold_is_named(make_ledger, capsys):
    assert deployment.main(deployment.Args(make_ledger(age=0.12), quick=True)) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "FAILED: observation_age_p99 120 ms is above 100 ms"


def test_a_ledger_without_steps_is_no_success(tmp_path, capsys):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add_batch(Batch("b", ("cube_sand",), repetitions=1), versions={})
    assert deployment.main(deployment.Args(tmp_path / "ledger.sqlite")) == 2
    assert "no trial" in capsys.readouterr().err
