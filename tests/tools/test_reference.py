"""The reference page says what the sources say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    run = subprocess.run(
        [sys.executable, ROOT / "tools/reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_page_has_what_users_look_for():
    text = (ROOT / "docs/reference.md").read_text()
    for name in ("bucket/command", "rock/state", "soil_world/reset", "prpd_interfaces/action/Excavate", "`train`"):
        assert name in text, name
