"""The driver's node, broken: what `benchmarks/fault_matrix.py` measures with many repetitions, here once each.

The bounds are twice the product's own, so that a busy machine does not fail a test; the benchmark holds the real ones.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import fault_matrix
from driver_rig import Rig

pytestmark = [pytest.mark.system, pytest.mark.timeout(180)]
QUICK = ("nan_command", "policy_silent", "protective_stop", "link_frozen", "stream_killed", "force")


@pytest.fixture(scope="module")
def rig():
    with Rig("127.0.6.9", domain=77) as rig:
        yield rig


def check(rig, name):
    case = next(case for case in fault_matrix.CASES if case.name == name)
    outcome = fault_matrix.run_case(rig, case, random.Random(0))
    assert outcome.right, f"the operator is told {outcome.told!r}, not one of {case.told}"
    assert outcome.goes_on == ""
    if case.measured and case.told:
        assert outcome.time is not None and outcome.time < 2 * fault_matrix.TIME_LIMIT
        assert outcome.way < 2 * fault_matrix.WAY_LIMIT


@pytest.mark.parametrize("name", QUICK)
def test_fault(rig, name):
    check(rig, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [c.name for c in fault_matrix.CASES if c.name not in QUICK and not c.sim_time])
def test_rare_fault(rig, name):
    check(rig, name)
