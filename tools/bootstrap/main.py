"""The bootstrap's own commands, and the way to all others."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import sys
from typing import Iterator

from bootstrap import environment, interpreter, pins, ros, testing, workspace
from bootstrap.console import Problem, say
from bootstrap.layout import PYTHON, REQUIREMENTS, ROOT, requirement_sets
from bootstrap.process import call

USAGE = """usage: ./prpd COMMAND [OPTIONS]

Makes or updates the environment when needed (.venv, prpd_ws/install), then runs the command in it.

Its own commands:
  build [--clean]        make the environment and build the workspace
  test [--cov]           build, lint, types and all tests; --cov shows how much of the code they run
  test [--unit|--system] [PYTEST OPTIONS]
                         only the tests that these select
  env                    print the environment: eval "$(./prpd env)" gives a shell python, ros packages and prpd
  exec PROGRAM [...]     run any program in the environment
  install SET            install a requirement set: base, train, dev, bench
  pins                   move all pinned versions to their newest
"""
VARIABLES = """
Variables: PRPD_ROS=wheels|system, PRPD_PYTHON=/path/to/python3.12, ROS_DOMAIN_ID.
"""


def main(argv: list[str]) -> int:
    """Run `./prpd`; returns the exit status, where it does not become the command itself."""
    try:
        status = _run(argv)
        sys.stdout.flush()
        return status
    except Problem as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here")
        return 130
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(argv: list[str]) -> int:
    command, rest = (argv[0], argv[1:]) if argv else ("--help", [])
    found = ros.detect(os.environ)
    if command in ("-h", "--help", "help"):
        return _help(found)
    sets = ["base", *rest] if command == "install" else requirement_sets(command)
    state = prepare(found, sets, clean=command == "build" and "--clean" in rest)
    variables = workspace.variables(state, os.environ)
    if command in ("build", "install"):
        return 0
    if command == "pins":
        pins.write()
        return 0
    if command == "env":
        _print_environment(variables)
        return 0
    if command == "test":
        return testing.run(rest, variables)
    if command == "exec" and not rest:
        raise Problem("`./prpd exec` needs a program.", "For example `./prpd exec python -m pytest`.")
    program = rest if command == "exec" else [PYTHON, "-m", "prpd_task.cli", *argv]
    sys.stdout.flush()
    try:
        os.execvpe(program[0], program, variables)
    except OSError as error:
        raise Problem(f"{program[0]} does not start: {error.strerror}.", "Check its name.") from None


def prepare(found: ros.Ros, sets: list[str], *, clean: bool = False) -> environment.State:
    """Environment and workspace, up to date; at once when nothing has changed."""
    _check_sets(sets)
    state = environment.read_state()
    if state is not None and state.ros == found.source:
        remark = interpreter.unheeded(state.interpreter)
        if remark:
            say(remark)
    if state is not None and not clean and not environment.lacking(state, found, sets) and workspace.is_built(state):
        return state
    _check_path()
    say(found.describe)
    with _lock():
        state = environment.update(found, sets)
        workspace.build(state, clean=clean)
    return state


def _check_sets(sets: list[str]) -> None:
    for name in sets:
        if not (REQUIREMENTS / f"{name}.txt").is_file():
            raise Problem(f"There is no requirement set {name!r}.", "Choose of base, train, dev, bench.")


def _check_path() -> None:
    bad = sorted({c for c in str(ROOT) if c in " \t\n:;\"'$&()"})
    if bad:
        raise Problem(
            f"The repository's path contains {bad[0]!r}: {ROOT}",
            "CMake and ROS cannot build there; move or clone it elsewhere.",
        )
    if not os.access(ROOT, os.W_OK):
        raise Problem(
            f"{ROOT} is read-only for you, and the environment (.venv) and the build (prpd_ws/install) belong in it.",
            "Clone the repository to a folder of your own, or change the folder's permissions.",
        )


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """One bootstrap at a time in this repository; the kernel frees the lock of one that dies."""
    try:
        file = (ROOT / ".prpd.lock").open("w", encoding="utf-8")
    except OSError as error:
        raise Problem(
            f"{ROOT} cannot be written to: {error.strerror}.", "Clone the repository to a folder of your own."
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./prpd is at work in this repository; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _help(found: ros.Ros) -> int:
    print(USAGE)
    state = environment.read_state()
    if state is None or environment.lacking(state, found, ["base"]) or not workspace.is_built(state):
        print("The product's commands are listed once the environment is there: `./prpd build`." + VARIABLES)
        return 0
    status = call([PYTHON, "-m", "prpd_task.cli", "--help"], workspace.variables(state, os.environ))
    print(VARIABLES)
    return status


def _print_environment(variables: dict[str, str]) -> None:
    for name, value in sorted(variables.items()):
        if os.environ.get(name) != value:
            print(f"export {name}={shlex.quote(value)}")
