"""The command line answers at once: what is slow to import is imported by the process that computes."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "warp", "sapien", "ray", "matplotlib.pyplot", "scipy.stats")


def test_commands_start_without_what_only_computing_needs():
    names = ("train", "evaluate", "export", "inspect", "study", "view")
    code = (
        f"import sys\nfor name in {names}: __import__('prpd_train.cli.' + name)\n"
        "import prpd_train.runs.train, prpd_train.runs.provenance\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
