"""Child processes that never outlive the bootstrap."""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
from collections import deque
from pathlib import Path
from typing import Callable, Mapping, Sequence

from bootstrap.console import Problem

PR_SET_PDEATHSIG = 1
GRACE = 5.0
"""s, between asking a child to end and killing it."""


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the line above took effect
        os._exit(1)


def call(command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> int:
    """Run a command on the user's terminal; returns its status."""
    die = functools.partial(_die_with, os.getpid())
    with _Guarded(subprocess.Popen(command, env=dict(env), cwd=cwd, preexec_fn=die)) as child:
        return child.wait()


def logged(
    command: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    line_seen: Callable[[str], None] = lambda line: None,
    cwd: Path | None = None,
) -> tuple[int, str]:
    """Run a command with all its output in a file, each line shown to `line_seen`; returns status and last lines."""
    log.parent.mkdir(parents=True, exist_ok=True)
    last: deque[str] = deque(maxlen=30)
    child = subprocess.Popen(
        command,
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=functools.partial(_die_with, os.getpid()),
    )
    with log.open("w", encoding="utf-8") as file, _Guarded(child):
        for line in child.stdout or ():
            file.write(line)
            last.append(line)
            line_seen(line.rstrip())
        return child.wait(), "".join(last)


def checked(
    command: Sequence[str],
    env: Mapping[str, str],
    log: Path,
    what: str,
    line_seen: Callable[[str], None] = lambda line: None,
) -> str:
    """As `logged`, but a failure is a `Problem` that shows the last lines."""
    status, tail = logged(command, env, log, line_seen)
    if status:
        raise Problem(f"{what} failed (status {status}):\n{_indented(tail)}", f"All of its output is in {log}.")
    return tail


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-15:])


class _Guarded:
    """Ends the child on any way out of the block, and turns SIGTERM to us into such a way."""

    def __init__(self, child: subprocess.Popen) -> None:
        self._child = child

    def __enter__(self) -> subprocess.Popen:
        self._previous = signal.signal(signal.SIGTERM, _raise_exit)
        return self._child

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is KeyboardInterrupt:  # it has reached the child too, which gets the time to end by itself
            self._gone()
        for request in (self._child.terminate, self._child.kill):
            if self._child.poll() is None:
                request()
                self._gone()
        signal.signal(signal.SIGTERM, self._previous)

    def _gone(self) -> bool:
        try:
            self._child.wait(GRACE)
        except subprocess.TimeoutExpired:
            return False
        return True


def _raise_exit(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)
