"""The colcon workspace: built when something that the build reads has changed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Iterator, Mapping

from bootstrap import native
from bootstrap.console import Problem, Step, say
from bootstrap.environment import State, site_packages
from bootstrap.layout import INSTALL, PYTHON, ROOT, SOURCES, VENV, WORKSPACE
from bootstrap.process import logged
from bootstrap.ros import DISTRIBUTION, without_ros

STAMP = INSTALL / ".prpd.json"
BUILD_MACHINE = r"/opt/python/cp3\d+-cp3\d+"
"""Where the interpreter was on the machine that built the ROS wheels, as their CMake files still say."""


def inputs() -> Iterator[Path]:
    """Files whose *content* the build reads; Python modules are linked, not copied."""
    yield from sorted(path for path in (SOURCES / "prpd_interfaces").rglob("*") if path.is_file())
    for name in ("package.xml", "setup.py", "setup.cfg"):
        yield from sorted(SOURCES.glob(f"*/{name}"))


def installed_names() -> Iterator[str]:
    """Names of the data files that are linked into the packages' share."""
    for folder in ("launch", "urdf", "config", "resource"):
        for path in sorted(SOURCES.glob(f"*/{folder}")):
            yield from sorted(str(entry.relative_to(SOURCES)) for entry in path.iterdir())


def digest(state: State) -> str:
    """Of all that a build depends on."""
    total = hashlib.sha256(state.sets.get("ros", "").encode())
    for path in inputs():
        total.update(str(path.relative_to(SOURCES)).encode() + b"\0" + path.read_bytes() + b"\0")
    total.update("\n".join(installed_names()).encode())
    return total.hexdigest()[:16]


def context(state: State) -> dict[str, str]:
    """What a build cannot survive a change of."""
    return {"root": str(ROOT), "ros": state.ros, "python": "{}.{}".format(*state.interpreter.version)}


def read_stamp() -> dict:
    """What was built, and with what; empty where nothing was."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def is_built(state: State) -> bool:
    """Whether the installed workspace is that of the sources."""
    return read_stamp() == {"context": context(state), "digest": digest(state)}


def build(state: State, *, clean: bool = False) -> None:
    """Build what changed; a warning is a failure. The caller holds the lock."""
    if is_built(state) and not clean:
        return
    if clean or read_stamp().get("context") != context(state):
        if INSTALL.exists() and not clean:
            say("prpd_ws/install comes from another build; building anew")
        for name in ("build", "install", "log"):
            shutil.rmtree(WORKSPACE / name, ignore_errors=True)
    INSTALL.mkdir(parents=True, exist_ok=True)
    _write_stamp(state, "")
    if state.ros == "wheels":
        mend_exports(state)
    now = digest(state)
    with Step("building the workspace") as step:
        _colcon(state, step)
    _write_stamp(state, now)


def _write_stamp(state: State, built: str) -> None:
    STAMP.write_text(json.dumps({"context": context(state), "digest": built}), encoding="utf-8")


def mend_exports(state: State) -> None:
    """Let the CMake files of the ROS wheels name this machine's folders of headers."""
    include = native.headers(state.interpreter)
    if include is None:
        version = "{}.{}".format(*state.interpreter.version)
        raise Problem(
            f"Python.h of {state.interpreter.executable} is missing; the messages' Python modules need it.",
            f"Run `sudo apt-get install libpython{version}-dev`, or use a Python that has it (PRPD_PYTHON=...).",
        )
    numpy_include = site_packages() / "numpy" / "_core" / "include"
    for path in VENV.glob("share/*/cmake/*.cmake"):
        text = path.read_text(encoding="utf-8")
        mended = re.sub(
            BUILD_MACHINE + r"/lib/python3\.\d+/site-packages/numpy/_core/include", str(numpy_include), text
        )
        mended = re.sub(BUILD_MACHINE + r"/include/python3\.\d+", str(include), mended)
        if mended != text:
            path.unlink()  # which uv may have linked from its cache, where other environments find it
            path.write_text(mended, encoding="utf-8")


def _colcon(state: State, step: Step) -> None:
    command = [PYTHON, "-m", "colcon", "--log-base", str(WORKSPACE / "log"), "build", "--base-paths", str(SOURCES)]
    command += ["--build-base", str(WORKSPACE / "build"), "--install-base", str(INSTALL)]
    command += ["--merge-install", "--symlink-install", "--event-handlers", "console_direct-", "console_cohesion-"]
    command += ["--cmake-args", "-GNinja", "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF"]
    command += [f"-DPython3_EXECUTABLE={PYTHON}"]
    include = native.headers(state.interpreter)
    if not state.interpreter.has_headers and include:
        command.append(f"-DPython3_INCLUDE_DIR={include}")
    log = WORKSPACE / "log" / "build.log"
    environment = {**variables(state, os.environ), **native.compiler_environment(state.interpreter)}
    status, tail = logged(
        command, environment, log, lambda line: step.detail(line if line.startswith("Starting") else "")
    )
    warned = re.findall(r"packages? had stderr output: (.+)", tail)
    if status or warned:
        what = f"The build warns in {warned[0]}" if warned else f"The build failed (status {status})"
        lines = [
            line
            for line in log.read_text(encoding="utf-8").splitlines()
            if not line.startswith(("Starting", "Finished"))
        ]
        shown = "\n".join(f"    {line}" for line in lines[-25:])
        raise Problem(
            f"{what}:\n{shown}", f"All of its output is in {log}; `./prpd build --clean` starts from nothing."
        )


def variables(state: State, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which the built workspace runs."""
    python = "python{}.{}".format(*state.interpreter.version)
    base = dict(environment) if state.ros == "system" else without_ros(environment)
    base.pop("PYTHONHOME", None)
    paths = {
        "PATH": [str(VENV / "bin")],
        "AMENT_PREFIX_PATH": [str(INSTALL)],
        "CMAKE_PREFIX_PATH": [str(INSTALL)],
        "PYTHONPATH": [
            *(str(path.parent) for path in sorted(WORKSPACE.glob("build/*/setup.py"))),
            str(INSTALL / "lib" / python / "site-packages"),
        ],
        "LD_LIBRARY_PATH": [str(INSTALL / "lib")],
    }
    fixed = {"VIRTUAL_ENV": str(VENV), "PRPD_ROOT": str(ROOT), "PRPD_ROS": state.ros, "ORT_DISABLE_TELEMETRY": "1"}
    if state.ros == "wheels":
        paths["AMENT_PREFIX_PATH"].append(str(VENV))
        paths["CMAKE_PREFIX_PATH"].append(str(VENV))
        paths["LD_LIBRARY_PATH"] += [str(VENV / "lib"), *map(str, sorted(site_packages().glob("ros_*.libs")))]
        # With the guard set, the ROS wheels do not start every Python twice to set the library path themselves.
        fixed.update(
            ROS_DISTRO=DISTRIBUTION, ROS_VERSION="2", ROS_PYTHON_VERSION="3", _ROS_WHEELS_BOOTSTRAP_COMPLETE="1"
        )
        # The whole graph runs on this machine unless the user says otherwise.
        base.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        base.setdefault("FASTRTPS_DEFAULT_PROFILES_FILE", str(SOURCES / "prpd_control/prpd_control/graph/fastdds.xml"))
    paths["LD_LIBRARY_PATH"] += native.library_folders()
    for name, folders in paths.items():
        inherited = [path for path in base.get(name, "").split(os.pathsep) if path]
        base[name] = os.pathsep.join(dict.fromkeys([*folders, *inherited]))
    return {**base, **fixed}
