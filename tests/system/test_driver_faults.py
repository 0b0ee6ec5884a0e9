"""The driver broken in every way that `benchmarks/fault_cases.py` knows, once each; a few of them in every run.

The bounds are twice the product's own, so that a busy machine does not fail a test; `benchmarks/fault_matrix.py` holds
the real ones, with many repetitions.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fault_cases import CASES, DIG, DRIVER, SIM_TIME, open_rig, run_case
from fault_matrix import TIME_LIMIT, WAY_LIMIT, judge

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
QUICK = ("nan_command", "policy_silent", "protective_stop", "link_frozen", "stream_killed", "force")


@pytest.fixture(scope="module")
def rig(request):
    domain = int(os.environ["ROS_DOMAIN_ID"])  # of this test run alone
    with open_rig(request.param, f"127.7.{domain}.9", domain=domain) as rig:
        yield rig


def parameters(*, quick: bool):
    """One rig after the other: pytest keeps cases with the same one together."""
    return [
        pytest.param(kind, case, id=case.name)
        for kind in (DRIVER, SIM_TIME, DIG)
        for case in CASES
        if case.rig == kind and (case.name in QUICK) == quick
    ]


def check(rig, case):
    outcome = run_case(rig, case, random.Random(0))
    wrong = judge(case, [outcome], time_limit=2 * TIME_LIMIT, way_limit=2 * WAY_LIMIT)
    assert not wrong, f"{case.what}: {'; '.join(wrong)}"


@pytest.mark.parametrize(("rig", "case"), parameters(quick=True), indirect=["rig"])
def test_fault(rig, case):
    check(rig, case)


@pytest.mark.slow
@pytest.mark.parametrize(("rig", "case"), parameters(quick=False), indirect=["rig"])
def test_rare_fault(rig, case):
    check(rig, case)
