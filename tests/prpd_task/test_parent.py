from __future__ import annotations

import os
import subprocess
import sys

from prpd_task.parent import ENDING_WITH_PARENT, PARENT_PID, as_parent

SHOW = [sys.executable, "-c", f"import os; print(os.getpid(), os.environ.get({PARENT_PID!r}))"]


def started(**environment):
    everything = {**{k: v for k, v in os.environ.items() if k != PARENT_PID}, **environment}
    return subprocess.run([*ENDING_WITH_PARENT, *SHOW], env=everything, capture_output=True, text=True, check=False)


def test_it_becomes_the_program_and_the_parent_of_what_that_starts():
    pid, parent = started(**as_parent()).stdout.split()
    assert pid == parent


def test_nothing_starts_once_the_parent_is_gone():
    done = started(**{PARENT_PID: "1"})
    assert done.returncode == 1 and not done.stdout
    assert "the process that started this one is gone" in done.stderr


def test_without_a_named_parent_it_is_an_ordinary_start():
    done = started()
    assert done.returncode == 0 and done.stdout.split()[1] == "None"
