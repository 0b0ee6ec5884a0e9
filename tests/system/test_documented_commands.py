"""Every `./prpd` example in the documentation names a command and options that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.patient
ROOT = Path(__file__).parents[2]
OWN = {"build", "test", "env", "exec", "install", "pins"}
"""Commands of the bootstrap itself, tested in tests/bootstrap."""


def examples() -> dict[str, set[str]]:
    """Options that the documents use, by command."""
    found: dict[str, set[str]] = {}
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for line in re.findall(r"\./prpd ([^`#\n|)]+)", page.read_text()):
            command, *words = shlex.split(line)
            if command not in OWN and not command.startswith("-"):
                found.setdefault(command, set()).update(word.split("=")[0] for word in words if word.startswith("--"))
    return found


@pytest.mark.parametrize(("command", "options"), sorted(examples().items()))
def test_examples_exist(command, options):
    run = subprocess.run(
        [sys.executable, "-m", "prpd_task.cli", command, "--help"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    known = set(re.findall(r"--[\w.-]+", run.stdout)) | {"--help"}
    assert options <= known, f"{command} has no {options - known}"
