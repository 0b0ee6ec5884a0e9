"""Which Python the environment is made with."""

from __future__ import annotations

import glob
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from bootstrap.console import Problem
from bootstrap.ros import Ros

SUPPORTED = ((3, 12), (3, 11))
"""For these there are wheels of everything; 3.12 is what ROS 2 Jazzy itself runs on."""

_PROBE = """
import json, os, sys, sysconfig
try:
    import ensurepip
except ImportError:
    ensurepip = None
include = sysconfig.get_paths()["include"]
print(json.dumps({
    "version": sys.version_info[:2], "executable": sys.executable, "include": include,
    "has_headers": os.path.exists(os.path.join(include, "Python.h")), "has_pip": ensurepip is not None,
    "implementation": sys.implementation.name,
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine."""

    executable: str
    version: tuple[int, int]
    include: str
    """Folder of Python.h, if it were there."""
    has_headers: bool
    has_pip: bool
    """Whether it can put pip into a virtual environment."""


def probe(executable: str) -> Interpreter | None:
    """What a Python is; None if it does not run or is not one that can be used."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=30, env=environment, check=True
        )
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    if facts.pop("implementation") != "cpython" or tuple(facts["version"]) not in SUPPORTED:
        return None
    facts["version"] = tuple(facts["version"])
    return Interpreter(**facts)


def candidates(ros: Ros) -> Iterator[str]:
    """Pythons to try, the best first: the one that runs this, then what is on the PATH, then version managers' own."""
    if ros.source == "system":  # its compiled modules load into its own Python only: the one in the sourced shell
        found = shutil.which("python3")
        yield from [found] if found else []
        return
    yield getattr(sys, "_base_executable", None) or sys.executable
    names = [f"python{major}.{minor}" for major, minor in SUPPORTED]
    for name in [*names, "python3"]:
        found = shutil.which(name)
        if found:
            yield found
    home = Path.home()
    for major, minor in SUPPORTED:
        for pattern in (f".pyenv/versions/{major}.{minor}.*", f".local/share/uv/python/cpython-{major}.{minor}.*"):
            yield from sorted(glob.glob(str(home / pattern / "bin" / f"python{major}.{minor}")), reverse=True)


def _named(wanted: str) -> Interpreter | None:
    """The Python of a name on the PATH, or of a path."""
    return probe(shutil.which(wanted) or wanted)


def find(ros: Ros) -> Interpreter:
    """The Python to use; `PRPD_PYTHON` names one."""
    wanted = os.environ.get("PRPD_PYTHON")
    if wanted:
        chosen = _named(wanted)
        if chosen is None:
            raise Problem(
                f"PRPD_PYTHON={wanted} is not a Python 3.11 or 3.12 that runs.", "Correct the variable, or unset it."
            )
        return chosen
    for candidate in candidates(ros):
        chosen = probe(candidate)
        if chosen is not None:
            return chosen
    raise Problem(
        f"This is Python {platform.python_version()}; Python 3.11 or 3.12 is needed, and none was found.",
        "Install one, for example with `sudo apt-get install python3.12` or `pyenv install 3.12`, "
        "or name one with PRPD_PYTHON=/path/to/python3.12.",
    )


def unheeded(used: Interpreter) -> str | None:
    """What to say where `PRPD_PYTHON` names another Python than the one that the environment was made with."""
    wanted = os.environ.get("PRPD_PYTHON")
    if not wanted:
        return None
    named = _named(wanted)
    if named is not None and os.path.realpath(named.executable) == os.path.realpath(used.executable):
        return None
    return (
        f"PRPD_PYTHON={wanted} changes nothing here: .venv was made with {used.executable}. "
        "Remove .venv to have it made anew."
    )
