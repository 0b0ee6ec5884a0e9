"""The driver broken in every way that `benchmarks/fault_cases.py` knows, once each; a few of them in every run.

The bounds are twice the product's own, so that a busy machine does not fail a test; `benchmarks/fault_matrix.py` holds
the real ones, with many repetitions. So the emulated controller, too, may be held up for longer here.
"""

from __future__ import annotations

import os
import random
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from fault_cases import CASES, DIG, DRIVER, SIM_TIME, open_rig, run_case
from fault_matrix import TIME_LIMIT, WAY_LIMIT, judge

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]
HELD_UP = 0.5 * TIME_LIMIT
QUICK = ("nan_command", "policy_silent", "protective_stop", "link_frozen", "stream_killed", "force")


class Rigs:
    """One rig at a time, for as many cases as want the same one."""

    def __init__(self):
        self._kind, self._open, self._rig = "", ExitStack(), None

    def get(self, kind):
        if kind != self._kind:
            self.close()
            domain = int(os.environ["ROS_DOMAIN_ID"])  # of this test run alone
            self._rig = self._open.enter_context(open_rig(kind, f"127.7.{domain}.9", domain=domain))
            self._kind = kind
        return self._rig

    def close(self):
        self._kind = ""
        self._open.close()


@pytest.fixture(scope="module")
def rigs():
    rigs = Rigs()
    yield rigs
    rigs.close()


def parameters(*, quick: bool):
    """The cases, those with the same rig together."""
    return [
        pytest.param(case, id=case.name)
        for kind in (DRIVER, SIM_TIME, DIG)
        for case in CASES
        if case.rig == kind and (case.name in QUICK) == quick
    ]


def check(rigs, case):
    try:
        outcome = run_case(rigs.get(case.rig), case, random.Random(0), held_up=HELD_UP)
    except BaseException:
        rigs.close()  # who knows in what state it is
        raise
    wrong = judge(case, [outcome], time_limit=2 * TIME_LIMIT, way_limit=2 * WAY_LIMIT)
    assert not wrong, f"{case.what}: {'; '.join(wrong)}"


@pytest.mark.parametrize("case", parameters(quick=True))
def test_fault(rigs, case):
    check(rigs, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", parameters(quick=False))
def test_rare_fault(rigs, case):
    check(rigs, case)
