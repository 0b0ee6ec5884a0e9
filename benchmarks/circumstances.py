"""Under which circumstances something was measured, and where the figures go in a document."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from pathlib import Path


def commit() -> str:
    """Of the checkout, with `-dirty` when there is more than it says."""
    command = ["git", "describe", "--always", "--dirty"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"


def circumstances(**more: object) -> str:
    """Date, commit, machine and how busy it is, in one line."""
    facts = [
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}",
        f"commit {commit()}",
        f"{os.cpu_count()} cores ({platform.machine()}, Linux {platform.release().split('-')[0]})",
        f"load {os.getloadavg()[0]:.1f} at the start",
        *(f"{name} {value}" for name, value in more.items()),
    ]
    return ", ".join(facts)


def replace_between(path: Path, name: str, text: str) -> None:
    """Put `text` between the two comments that a Markdown file has for it."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    content = path.read_text()
    if begin not in content or end not in content:
        raise ValueError(f"{path} lacks the comments {begin.strip()} and {end}")
    before, rest = content.split(begin, 1)
    path.write_text(before + begin + text.rstrip() + "\n" + end + rest.split(end, 1)[1])
