"""`./prpd test`: lint, types, and the tests; with their coverage where it is asked for."""

from __future__ import annotations

import os
import time
from typing import Mapping

from bootstrap.console import say
from bootstrap.layout import PYTHON, ROOT
from bootstrap.process import call

UNIT = "not system and not slow"
SYSTEM = "system and not slow"
SIDE_BY_SIDE = ["-n", str(min((os.cpu_count() or 1) + 1, 4)), "--dist", "loadfile"]
"""So many processes, which take one file after the other; one more than processors, for the tests that wait."""
SLOWEST = ["--durations=10", "--durations-min=2"]
"""What a run's time goes into is shown, so that it stays short."""


def plan(arguments: list[str]) -> list[tuple[str, list[str]]]:
    """Titles and commands of the checks. With arguments it is only the tests that they select."""
    pytest = [PYTHON, "-m", "pytest"]
    # Following every line costs a fifth of the time, so only on request; and never of what acts in real time.
    coverage = ["--cov", "--cov-report=term"] if arguments == ["--cov"] else []
    if coverage:
        arguments = []
    chosen = {"--unit": UNIT, "--system": SYSTEM}
    rest = [argument for argument in arguments if argument not in chosen]
    markers = [chosen[argument] for argument in arguments if argument in chosen]
    if arguments == ["--unit"]:
        rest = SIDE_BY_SIDE
    if arguments:
        selection = [] if "-m" in rest else ["-m", " or ".join(f"({m})" for m in markers) or "not slow"]
        return [("tests", [*pytest, *selection, *rest])]
    return [
        ("lint", [PYTHON, "-m", "ruff", "check", "."]),
        ("format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
        ("stubs of Isaac Gym", [PYTHON, "tools/isaacgym_typings.py"]),
        ("types", [PYTHON, "-m", "mypy"]),
        ("tests", [*pytest, "-m", "not alone and not slow", *SIDE_BY_SIDE, *SLOWEST, *coverage]),
        ("tests in real time", [*pytest, "-m", "alone and not slow", *SLOWEST, "tests/system"]),
    ]


def run(arguments: list[str], variables: Mapping[str, str]) -> int:
    """Run the checks, all of them even if one fails; returns 0 if all passed."""
    # Hundreds of processes start, and each would compile the same modules again.
    variables = {name: value for name, value in variables.items() if name != "PYTHONDONTWRITEBYTECODE"}
    results = []
    for title, command in plan(arguments):
        start = time.monotonic()
        status = call(command, variables, cwd=ROOT)
        results.append((title, status, time.monotonic() - start))
        if status < 0:  # killed by a signal: whoever sent it wants no more
            break
    if len(results) > 1:
        for title, status, seconds in results:
            say(f"{'passed' if status == 0 else 'FAILED'}  {title} ({seconds:.0f} s)")
    return max(abs(status) for _, status, _ in results)
