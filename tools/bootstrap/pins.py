"""`./prpd pins`: resolve all requirements anew and write `requirements/constraints.txt`.

pip itself resolves; nothing is installed. The old pins are not looked at, so everything moves to its newest release.
Lines that this Python or this index does not need (another Python may, or a CUDA build) stay as they are.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from bootstrap.console import Step, say
from bootstrap.layout import PYTHON, REQUIREMENTS, STATE
from bootstrap.process import checked

HEADER = "# Every version that the environment is made of. Written by `./prpd pins`; see docs/contributing.md.\n"


def requirement_files() -> list[Path]:
    """All of them, without the constraints."""
    return sorted(path for path in REQUIREMENTS.glob("*.txt") if path.name != "constraints.txt")


def write() -> None:
    """Resolve and write the file."""
    with_dependencies = [path for path in requirement_files() if path.name != "no_deps.txt"]
    pins = {**_resolve(with_dependencies), **_resolve([REQUIREMENTS / "no_deps.txt"], "--no-deps")}
    target = REQUIREMENTS / "constraints.txt"
    pins = {**_read(target), **pins}
    lines = [f"{name}=={pins[name]}\n" for name in sorted(pins)]
    target.write_text(HEADER + "".join(lines), encoding="utf-8")
    say(f"{len(lines)} versions written to {target.name}; now run `./prpd test`, with Python 3.11 and with 3.12")


def _read(constraints: Path) -> dict[str, str]:
    lines = constraints.read_text(encoding="utf-8").splitlines() if constraints.is_file() else []
    return dict(line.split("==", 1) for line in lines if "==" in line and not line.startswith("#"))


def _resolve(files: list[Path], *options: str) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder, Step("resolving versions") as step:
        report = Path(folder) / "report.json"
        command = [PYTHON, "-m", "pip", "install", "--dry-run", "--ignore-installed", *options]
        command += ["--report", str(report)]
        for path in files:
            command += ["-r", str(path)]
        log = STATE / "pins.log"
        checked(command, os.environ, log, "Resolving the versions", lambda line: step.detail(line.strip()[:60]))
        answer = json.loads(report.read_text(encoding="utf-8"))
    metadata = [item["metadata"] for item in answer["install"]]
    # A local version such as 2.13.0+cpu names a build of one index; the release is the same everywhere.
    return {normalised(m["name"]): m["version"].split("+")[0] for m in metadata}


def normalised(name: str) -> str:
    """The one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()
