"""What a killed ROS graph leaves behind."""

from __future__ import annotations

import glob
import shutil
import subprocess
from typing import Mapping

GRAPH_COMMANDS = ("demo", "excavate", "trials", "test")
"""Commands that bring up a ROS graph."""


def clean_shared_memory(variables: Mapping[str, str]) -> None:
    """Remove Fast DDS's shared-memory segments whose owner is gone; those in use are left alone."""
    tool = shutil.which("fastdds", path=variables["PATH"])
    if tool and glob.glob("/dev/shm/*fastrtps*"):
        subprocess.run([tool, "shm", "clean"], env=dict(variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
