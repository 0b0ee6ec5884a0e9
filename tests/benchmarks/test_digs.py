"""The digs that benchmarks stream."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from prpd_control.driver import limits
from prpd_control.driver.limits import Target
from prpd_control.driver.settings import DriverSettings
from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, Outcome, pack

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import digs
from driver_rig import HOME

DUG = [[0.0, -0.2 + 0.01 * i, 0.1, 0.02 * i, 9.0, 9.0, 9.0, 1.0] for i in range(8)]


def make_ledger(path, outcome):
    with Ledger(path) as ledger:
        ledger.add_batch(Batch("b", ("cube_sand",), repetitions=1), versions={})
        kept = {"trajectory": pack({"observation": DUG})}
        ledger.finish(ledger.next_planned(1), Outcome(outcome, "", "", 9.0, **kept))
    return path


@pytest.fixture(params=["scripted", "recorded"])
def targets(request, tmp_path):
    if request.param == "scripted":
        return digs.scripted()
    return digs.recorded(make_ledger(tmp_path / "ledger.sqlite", "success"))


def test_a_dig_goes_from_home_and_back_in_steps_that_the_driver_takes(targets):
    assert targets[-1] == pytest.approx(HOME)
    last = HOME
    for i, pose in enumerate(targets):
        command = Target(i + 1, pose, 0.1)
        assert limits.content(command, DriverSettings()) is None
        assert limits.step(command, last, DriverSettings()) is None
        last = pose


def test_a_recorded_dig_is_what_the_policy_commanded(tmp_path):
    targets = np.array(digs.recorded(make_ledger(tmp_path / "ledger.sqlite", "success")))
    begin = next(i for i, row in enumerate(targets) if row.tolist() == DUG[0][:4])
    np.testing.assert_allclose(targets[begin + 1 : begin + 9], np.array(DUG)[:, :4])


def test_a_ledger_without_any_rock_is_named(tmp_path):
    with pytest.raises(ValueError, match="no trial .* has excavated a rock"):
        digs.recorded(make_ledger(tmp_path / "ledger.sqlite", "failure"))
