"""The middleware's settings for a graph on one machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROFILE = Path(__file__).with_name("fastdds.xml")


def environment(domain: int, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the graph's processes; what the user has set already is left alone."""
    result = dict(os.environ if base is None else base)
    result["ROS_DOMAIN_ID"] = str(domain)
    result.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    if not result.get("FASTRTPS_DEFAULT_PROFILES_FILE"):
        result["FASTRTPS_DEFAULT_PROFILES_FILE"] = str(PROFILE)
    return result


def clean_shared_memory() -> str:
    """Remove what killed runs left in shared memory, and say what was done; segments of living processes stay."""
    tool = shutil.which("fastdds", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if tool is None:
        return "no `fastdds` command: shared memory left by killed runs is not cleaned"
    run = subprocess.run([tool, "shm", "clean"], capture_output=True, text=True, timeout=30, check=False)
    if run.returncode:
        return f"`fastdds shm clean` failed: {(run.stderr or run.stdout).strip()}"
    return " ".join(run.stdout.split())
