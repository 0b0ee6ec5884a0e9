"""What wheels do not carry: a compiler, Python's headers, a few shared libraries, pip.

What the machine has is used. What it lacks comes from the Python index (a compiler) or, on Debian and Ubuntu, from the
distribution's own packages, which are unpacked inside the environment's folder: no root, nothing installed elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Mapping, Sequence

from bootstrap.console import Problem, Step
from bootstrap.interpreter import Interpreter
from bootstrap.layout import STATE, SYSTEM_LIBRARIES, VENV
from bootstrap.process import checked

LIBRARIES = {
    "libGL.so.1": ("libgl1", "libglvnd0", "libglx0"),
    "libEGL.so.1": ("libegl1", "libglvnd0"),
    "libX11.so.6": ("libx11-6", "libxcb1", "libxau6", "libxdmcp6", "libbsd0", "libmd0"),
    "libudev.so.1": ("libudev1",),
    "libidn2.so.0": ("libidn2-0",),
    "libgomp.so.1": ("libgomp1",),
}
"""What Open3D (mostly for windows that are never opened here) and Pinocchio load, and the Debian packages that hold it;
libusb comes as a wheel."""


def missing_libraries(python: str) -> list[str]:
    """Those of `LIBRARIES` that a Python on this machine cannot load."""
    program = (
        "import ctypes, sys\nfor name in sys.argv[1:]:\n    try: ctypes.CDLL(name)\n    except OSError: print(name)\n"
    )
    environment = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(library_folders())}
    answer = subprocess.run(
        [python, "-I", "-S", "-c", program, *LIBRARIES], capture_output=True, text=True, check=True, env=environment
    )
    return answer.stdout.split()


def library_folders() -> list[str]:
    """Where the unpacked Debian packages keep their shared libraries."""
    return [str(path) for path in sorted(SYSTEM_LIBRARIES.glob("usr/lib/*-linux-gnu"))]


def provide_libraries(python: str) -> None:
    """Unpack the shared libraries that the machine lacks."""
    missing = missing_libraries(python)
    packages = sorted({package for name in missing for package in LIBRARIES[name]})
    if packages:
        _unpack_debian(packages, f"shared libraries ({', '.join(missing)})")


def provide_headers(interpreter: Interpreter) -> None:
    """Unpack Python's headers where the interpreter has none."""
    if not interpreter.has_headers and not headers(interpreter):
        major, minor = interpreter.version
        _unpack_debian([f"libpython{major}.{minor}-dev"], f"headers of Python {major}.{minor}")


def headers(interpreter: Interpreter) -> Path | None:
    """Folder of Python.h."""
    name = "python{}.{}".format(*interpreter.version)
    for folder in (Path(interpreter.include), SYSTEM_LIBRARIES / "usr/include" / name):
        if (folder / "Python.h").is_file():
            return folder
    return None


def pip_wheel() -> Path:
    """A wheel of pip, for a Python that cannot install it by itself (Debian's without python3-venv)."""
    _unpack_debian(["python3-pip-whl"], "pip")
    wheels = sorted(SYSTEM_LIBRARIES.glob("usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise Problem(
            "This Python has no ensurepip, so pip cannot be installed.", "Run `sudo apt-get install python3-venv`."
        )
    return wheels[-1]


def has_compiler() -> bool:
    """Whether the machine has a C and a C++ compiler of its own."""
    return bool((os.environ.get("CC") or shutil.which("cc")) and (os.environ.get("CXX") or shutil.which("c++")))


def compiler_environment(interpreter: Interpreter) -> dict[str, str]:
    """Variables by which CMake finds compiler and headers, where these are not the machine's own."""
    variables = {}
    if not has_compiler():
        folder = STATE / "compiler"
        variables = {
            "CC": str(folder / "cc"),
            "CXX": str(folder / "c++"),
            "ZIG_GLOBAL_CACHE_DIR": str(folder / "cache"),
        }
        variables["CMAKE_LIBRARY_PATH"] = str(folder)
    if not interpreter.has_headers:
        # Debian splits pyconfig.h by architecture, and includes it relative to this folder.
        flags = f"-isystem {SYSTEM_LIBRARIES / 'usr/include'}"
        variables.update(CFLAGS=flags, CXXFLAGS=flags)
    return variables


def wrap_compiler() -> None:
    """Give the compiler from the Python index the names and the options that CMake expects of one."""
    folder = STATE / "compiler"
    folder.mkdir(parents=True, exist_ok=True)
    for language in ("cc", "c++"):
        script = folder / language
        # It warns about -rpath-link, which it does not need.
        script.write_text(
            "#!/bin/sh\n"
            "for argument do\n"
            "  shift\n"
            '  case "$argument" in -Wl,-rpath-link,*) ;; *) set -- "$@" "$argument" ;; esac\n'
            "done\n"
            f'exec "{VENV}/bin/python" -m ziglang {language} "$@"\n'
        )
        script.chmod(0o755)
    # The ROS wheels look for this library, which has been a part of libc for years, under its old name.
    (folder / "libdl.a").write_bytes(b"!<arch>\n")


def _unpack_debian(packages: Sequence[str], what: str) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Problem(
            f"This machine lacks {what}, and is no Debian or Ubuntu from whose packages they could be taken.",
            f"Install what your distribution calls {' '.join(packages)}.",
        )
    work = STATE / "apt"
    for folder in (work / "lists/partial", work / "archives/partial", SYSTEM_LIBRARIES):
        folder.mkdir(parents=True, exist_ok=True)
    options = [
        f"-oDir::State::lists={work}/lists",
        f"-oDir::Cache={work}",
        "-oAPT::Sandbox::User=",
        "-oDebug::NoLocking=1",
    ]
    environment = {**os.environ, "LC_ALL": "C"}
    remedy = f"sudo apt-get install {' '.join(packages)}"
    with Step(f"fetching {what} from the distribution") as step:
        for command in (["update"], ["download", *packages]):
            _apt(["apt-get", *options, *command], environment, work, remedy, step)
        for package in sorted((work / "archives").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(package), str(SYSTEM_LIBRARIES)], check=True)
    shutil.rmtree(work)


def _apt(command: list[str], environment: Mapping[str, str], work: Path, remedy: str, step: Step) -> None:
    program = "import os, sys; os.chdir(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])"
    try:
        checked(
            [sys.executable, "-c", program, str(work / "archives"), *command],
            environment,
            STATE / "apt.log",
            "Fetching Debian packages",
            lambda line: step.detail(line[:60]),
        )
    except Problem as problem:
        raise Problem(problem.what, f"Without a network, install them by hand: `{remedy}`. {problem.remedy}") from None
