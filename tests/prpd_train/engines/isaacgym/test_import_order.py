"""Isaac Gym before torch: in processes of their own, as it is about what has been imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

FAKES = Path(__file__).parents[3] / "fakes"


def run(*arguments, fakes=True, path=""):
    paths = [path, *([str(FAKES)] if fakes else []), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_torch_first_is_refused_with_the_remedy():
    done = run("-c", "import torch, prpd_train.engines.isaacgym")
    assert done.returncode != 0
    assert "python -m prpd_train.engines.isaacgym MODULE ARGUMENTS" in done.stderr


def test_the_launcher_puts_isaac_gym_first(tmp_path):
    program = "import sys, torch, prpd_train.engines.isaacgym.simulator\nprint(__name__, sys.argv[1:])\n"
    (tmp_path / "program.py").write_text(program)
    done = run("-m", "prpd_train.engines.isaacgym", "program", "--delta", "0.05", path=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "__main__ ['--delta', '0.05']"


def test_without_isaac_gym_the_engine_says_so():
    imports = "from prpd_train.engines import make; from prpd_train.scene.generator import make_scene; "
    done = run("-c", imports + "make('isaacgym', [make_scene(0.05)])", fakes=False)
    assert "needs NVIDIA's Isaac Gym Preview 4, which is not installed here" in done.stderr
