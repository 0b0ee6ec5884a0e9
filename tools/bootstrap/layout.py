"""Where things lie in the repository, and which requirements a command needs."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
WORKSPACE = ROOT / "prpd_ws"
SOURCES = WORKSPACE / "src"
INSTALL = WORKSPACE / "install"
REQUIREMENTS = ROOT / "requirements"
STATE = VENV / "prpd"
"""Stamps and logs of the bootstrap; gone when the environment is removed."""

SYSTEM_LIBRARIES = VENV / "debian"
"""Debian packages unpacked for this environment alone, where the machine lacks what wheels do not carry."""

TRAIN_COMMANDS = ("train", "evaluate", "study", "export", "view", "train-detector", "test")
"""The only commands that need a learning library; all else, the demo too, runs without."""


def requirement_sets(command: str) -> list[str]:
    """Names of the files in `requirements/` that a command needs."""
    sets = ["base"]
    if command in TRAIN_COMMANDS:
        sets.append("train")
    if command == "test":
        sets.append("dev")
    return sets
