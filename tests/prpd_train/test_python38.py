"""What an Isaac Gym run imports stays valid Python 3.8, the newest that Isaac Gym knows."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "prpd_ws" / "src"
NEVER_IMPORTED = ("engines/warp/", "engines/physx/")
"""They need packages that Python 3.8 cannot have."""
INTERPRETER = "PRPD_PYTHON38"
"""Environment variable: a Python 3.8 with engines/isaacgym/requirements.txt installed, for the run of a whole stage."""

COMPILE = """
import sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        compile(file.read(), path, "exec")
"""


def python38():
    """A bare Python 3.8, wherever one is usually kept; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates = [os.environ.get(INTERPRETER), shutil.which("python3.8"), *map(str, pyenv.glob("3.8.*/bin/python"))]
    return next((candidate for candidate in candidates if candidate and is_python38(candidate)), None)


def is_python38(path):
    """Whether it runs: pyenv leaves a `python3.8` on the PATH that only complains."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and "3.8." in done.stdout


def modules():
    """Files of the packages that an Isaac Gym run imports from."""
    files = [*SOURCES.glob("prpd_task/prpd_task/**/*.py"), *SOURCES.glob("prpd_train/prpd_train/**/*.py")]
    return [str(path) for path in sorted(files) if not any(part in path.as_posix() for part in NEVER_IMPORTED)]


def test_every_module_compiles():
    interpreter = python38()
    if interpreter is None:
        pytest.skip(f"no Python 3.8 was found on the PATH, under pyenv, or in {INTERPRETER}")
    files = modules()
    assert len(files) > 40
    done = subprocess.run([interpreter, "-c", COMPILE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.system
def test_a_run_of_two_stages_in_python_38(tmp_path):
    """Train on the fake: learning nothing, but importing and running everything that the real one would."""
    interpreter = os.environ.get(INTERPRETER)
    if interpreter is None:
        pytest.skip(f"{INTERPRETER} names no Python 3.8 with engines/isaacgym/requirements.txt installed")
    paths = [SOURCES / "prpd_task", SOURCES / "prpd_train", ROOT / "tests" / "fakes"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "CUDA_VISIBLE_DEVICES": ""}
    options = ["--preset", "smoke", "--env.engine", "isaacgym", "--num-envs", "4", "--env.scenes", "2"]
    options += ["--schedule.max-iterations", "2", "--out", str(tmp_path / "run"), "--quiet"]
    command = [interpreter, "-m", "prpd_train.cli.train", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    assert "stage 1:    50 mm" in done.stdout
