"""`./prpd` where it cannot work: it says what and what to do. Run in copies of the repository, as by a newcomer."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}

CANNOT = 77
"""Status of a child that this machine does not let take the part of an ordinary user."""

PATIENCE = 280
"""s: making a virtual environment takes seconds, but minutes on a machine that is busy with other things."""


def bare_environment(**more: str) -> dict[str, str]:
    """As of a shell in which nothing was sourced."""
    kept = ("PATH", "HOME", "LANG", "PYENV_ROOT")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


@pytest.fixture
def copy(tmp_path):
    """A repository that was just cloned, in a folder of the given name."""

    def make(name: str = "repository") -> Path:
        root = tmp_path / name
        root.mkdir()
        shutil.copy(ROOT / "prpd", root)
        for folder in ("tools", "requirements"):
            shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "prpd_ws/src/prpd_interfaces", root / "prpd_ws/src/prpd_interfaces")
        return root

    return make


def start(root: Path, *arguments: str, before: Callable[[], None] | None = None, **more: str) -> subprocess.Popen:
    command = [sys._base_executable, str(root / "prpd"), *(arguments or ("build",))]
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=bare_environment(**more), preexec_fn=before, **output)


def obey_permissions() -> None:
    """In a child to be: even root's may write only where the file's mode says so."""
    drop_from_bounding_set, override, read_search = 24, 1, 2
    for capability in (override, read_search):
        if ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0) and os.geteuid() == 0:
            os.write(2, b"root without the right to drop capabilities: nothing is read-only for it\n")
            os._exit(CANNOT)


def refused(root: Path, *arguments: str, **more: str) -> str:
    """What `./prpd` says; it must fail, without a traceback."""
    process = start(root, *arguments, **more)
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 1, said
    assert "Traceback" not in said
    return said


def test_a_path_with_a_space(copy):
    said = refused(copy("my robot"))
    assert "path contains ' '" in said and "clone it elsewhere" in said


@pytest.mark.parametrize(
    ("variables", "what", "remedy"),
    [
        ({"ROS_DISTRO": "humble"}, "'humble' is sourced", "PRPD_ROS=wheels"),
        ({"ROS_DISTRO": "noetic", "ROS_VERSION": "1"}, "'noetic' is sourced", "Use a shell without it"),
        ({"ROS_DISTRO": "jazzy", "AMENT_PREFIX_PATH": "/nowhere"}, "AMENT_PREFIX_PATH=/nowhere", "Source"),
        ({"PRPD_ROS": "system"}, "no ROS 2 is sourced", "setup.bash"),
        ({"PRPD_ROS": "conda"}, "PRPD_ROS=conda", "unset"),
        ({"PRPD_PYTHON": "/usr/bin/python2"}, "PRPD_PYTHON=/usr/bin/python2", "Correct the variable"),
    ],
)
def test_a_wrong_shell(copy, variables, what, remedy):
    said = refused(copy(), **variables)
    assert what in said and remedy in said


def test_no_python_of_the_right_version(copy):
    root = copy()
    program = (
        f"import sys; sys.path.insert(0, {str(root / 'tools')!r})\n"
        "from bootstrap import interpreter, ros\n"
        "interpreter.SUPPORTED = ((2, 7),)\n"
        "interpreter.find(ros.detect({}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=bare_environment()
    )
    assert "Python 3.11 or 3.12 is needed" in run.stderr and "apt-get install python3.12" in run.stderr


@pytest.mark.parametrize("named", ["/nowhere/python3.12", sys._base_executable])
def test_a_python_that_comes_too_late(named):
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r})\n"
        "from bootstrap import interpreter\n"
        "print(interpreter.unheeded(interpreter.probe(sys.executable)))"
    )
    run = subprocess.run(
        [sys._base_executable, "-c", program], capture_output=True, text=True, env=bare_environment(PRPD_PYTHON=named)
    )
    assert run.returncode == 0, run.stderr
    if named == sys._base_executable:
        assert run.stdout == "None\n"
    else:
        assert named in run.stdout and "Remove .venv" in run.stdout


def test_a_folder_that_is_read_only(copy):
    root = copy()
    root.chmod(0o555)
    process = start(root, before=obey_permissions)
    said, _ = process.communicate(timeout=30)
    if process.returncode == CANNOT:
        pytest.skip(said)
    assert process.returncode == 1, said
    assert "Traceback" not in said
    assert "read-only" in said and "folder of your own" in said


def test_an_environment_that_is_not_ours(copy):
    root = copy()
    (root / ".venv").mkdir()
    said = refused(root)
    assert "not made by this program" in said and f"mv {root}/.venv" in said
    assert (root / ".venv").is_dir()


def test_an_unknown_requirement_set(copy):
    assert "no requirement set 'gpu'" in refused(copy(), "install", "gpu")


def test_help_needs_no_environment(copy):
    root = copy()
    process = start(root, "--help")
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and "usage: ./prpd" in said
    assert not (root / ".venv").exists()


def test_a_reader_that_leaves_is_no_error(copy):
    root = copy()
    command = f"{sys._base_executable} {root}/prpd --help | sleep 0; exit ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=bare_environment())
    assert run.returncode in (0, 128 + signal.SIGPIPE) and not run.stderr


@pytest.mark.system
@pytest.mark.timeout(3 * PATIENCE)
def test_a_half_built_environment_and_then_no_network(copy):
    root = copy()
    (root / ".venv/prpd").mkdir(parents=True)
    (root / ".venv/prpd/incomplete").touch()  # as a kill in the middle of pip leaves it
    said = refused(root, **NOWHERE)
    assert "half-built" in said and "making it anew" in said and "making .venv" in said
    assert "package index cannot be reached" in said and "PIP_INDEX_URL" in said
    said = refused(root, **NOWHERE)
    assert "making .venv" not in said and "half-built" not in said, "what is in place is not made again"
    assert "package index cannot be reached" in said


@pytest.mark.system
def test_one_at_a_time(copy):
    root = copy()
    with (root / ".prpd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start(root, PRPD_PYTHON="/nowhere/python3.12")  # which is looked for once it is this one's turn
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "another ./prpd is at work" in line:
                break
        assert process.poll() is None, "".join(lines)
        assert not (root / ".venv").exists()
    said, _ = process.communicate(timeout=60)
    assert "PRPD_PYTHON=/nowhere/python3.12 is not a Python" in said


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("way", ["call(command, os.environ)", "logged(command, os.environ, Path(sys.argv[1]))"])
def test_children_end_with_the_bootstrap(tmp_path, sign, way):
    program = (
        f"import os, sys; sys.path.insert(0, {str(ROOT / 'tools')!r})\n"
        "from pathlib import Path\n"
        "from bootstrap.process import call, logged\n"
        "command = [sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(100)']\n"
        f"{way}"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=bare_environment(PYTHONUNBUFFERED="1"),
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (children := psutil.Process(process.pid).children()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert children
    if sign == signal.SIGINT:  # a terminal sends it to the whole group
        os.killpg(process.pid, sign)
    else:
        process.send_signal(sign)
    process.communicate(timeout=30)
    assert process.returncode != 0
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


@pytest.mark.system
@pytest.mark.skipif("PRPD_ROOT" not in os.environ, reason="only where `./prpd` has made the environment")
def test_a_second_start_does_nothing():
    before = psutil.Process().cpu_times()
    start_time = time.monotonic()
    subprocess.run([str(ROOT / "prpd"), "exec", "true"], check=True, capture_output=True)
    after = psutil.Process().cpu_times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    assert seconds < 0.3, f"{seconds:.2f} s of processor time, {time.monotonic() - start_time:.2f} s in all"
