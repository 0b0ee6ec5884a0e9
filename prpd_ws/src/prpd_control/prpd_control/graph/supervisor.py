"""Starts the processes of a graph, passes signals on, ends all when one ends, and leaves none behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from prpd_task.parent import as_parent

COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
TURN = 1.0
"""s, for which the others wait after a process was sent SIGINT."""
PATIENCE = 3.0
"""s, from SIGTERM to SIGKILL."""


@dataclass(frozen=True)
class Command:
    """One process to start."""

    name: str
    argv: Sequence[str]
    may_end: bool = False
    """Its end with status 0 is its success, not the graph's end."""


@dataclass(frozen=True)
class Ending:
    """Which process ended the graph, and how."""

    name: str
    status: int
    last_lines: tuple[str, ...]

    @property
    def message(self) -> str:
        """For people."""
        status = self.status
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        return f"{self.name} {how}" + "".join(f"\n    {line}" for line in self.last_lines)


class Supervisor:
    """A set of processes that live and die together. Use as a context manager, from the main thread."""

    def __init__(self, *, environment: Mapping[str, str], output: IO[str] | None = None, quiet: bool = False) -> None:
        self._environment = {**environment, **as_parent(), "PYTHONUNBUFFERED": "1"}
        self._output = output or sys.stdout
        self._quiet = quiet
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._may_end: set[str] = set()
        self._tails: dict[str, deque[str]] = {}
        self._pumps: list[threading.Thread] = []
        self._width = 0
        self._unwritable = False

    def start(self, command: Command) -> None:
        """Start one process in a session of its own, so that a terminal's Ctrl-C reaches it only through us."""
        process = subprocess.Popen(
            list(command.argv),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._processes[command.name] = process
        self._tails[command.name] = deque(maxlen=5)
        self._width = max(self._width, len(command.name))
        if command.may_end:
            self._may_end.add(command.name)
        colour = COLOURS[(len(self._processes) - 1) % len(COLOURS)]
        pump = threading.Thread(target=self._pump, args=(command.name, process, colour), daemon=True)
        pump.start()
        self._pumps.append(pump)

    def _pump(self, name: str, process: subprocess.Popen[str], colour: int) -> None:
        if process.stdout is None:
            raise RuntimeError("a started process has a pipe for its output")
        for line in process.stdout:
            self._tails[name].append(line.rstrip())
            if not self._quiet:
                label = f"{name:<{self._width}}"
                label = f"\x1b[{colour}m{label}\x1b[0m" if self._output.isatty() else label
                self._show(f"{label} | {line.rstrip()}\n")

    def _show(self, line: str) -> None:
        """On with the graph where the log cannot be written: a process whose output nobody takes would stand still."""
        try:
            self._output.write(line)
            self._output.flush()
        except (OSError, ValueError) as error:
            if not self._unwritable:
                self._unwritable = True
                print(f"prpd: the log cannot be written ({error}); the graph goes on without", file=sys.stderr)

    @property
    def pids(self) -> dict[str, int]:
        """Of the processes that still run."""
        return {name: p.pid for name, p in self._processes.items() if p.poll() is None}

    def ending(self) -> Ending | None:
        """The first process found to have ended although it should not; None while all is well."""
        for name, process in self._processes.items():
            status = process.poll()
            if status is not None and not (status == 0 and name in self._may_end):
                return Ending(name, status, tuple(self._tails[name]))
        return None

    def wait(self, until: Callable[[], bool], *, period: float = 0.1) -> Ending | None:
        """Block until `until()` is true (None) or a process ends (its `Ending`)."""
        while (ending := self.ending()) is None and not until():
            time.sleep(period)
        return ending

    def stop(self) -> list[str]:
        """End all, the last started first, politely at first; the names of those that had to be killed."""
        killed: list[str] = []
        running = [p for p in self._processes.values() if p.poll() is None]
        for process in reversed(running):
            # Who depends on a process ends before it: the driver lets go of the controller before that is gone.
            process.send_signal(signal.SIGINT)
            _wait([process], TURN)
        for number in (signal.SIGTERM, signal.SIGKILL):
            living = {n: p for n, p in self._processes.items() if p.poll() is None}
            if number is signal.SIGKILL:
                killed = sorted(living)
            for process in reversed(living.values()):
                # A process ends its own children in its own order; only a deaf one loses them all at once.
                if number is signal.SIGKILL:
                    _signal_group(process, number)
                else:
                    process.send_signal(number)
            _wait(living.values(), PATIENCE)
        for process in running:
            _signal_group(process, signal.SIGKILL)  # children that a process left behind in its session
        for pump in self._pumps:
            pump.join(timeout=1.0)
        return killed

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _wait(processes: Iterable[subprocess.Popen[str]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(p.poll() is None for p in processes) and time.monotonic() < deadline:
        time.sleep(0.01)


def _signal_group(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
