"""Brings the described graph up without `ros2 launch`: middleware and processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from prpd_control.graph import dds
from prpd_control.graph.description import Process
from prpd_control.graph.supervisor import Command, Supervisor
from prpd_control.resources import program
from prpd_task.parent import ENDING_WITH_PARENT


def command(process: Process) -> Command:
    """How the supervisor starts a process of the graph: ours with this interpreter, whether it is installed or not."""
    if process.target:
        start = [sys.executable, "-m", "prpd_control.graph.child", process.target]
    else:
        start = [*ENDING_WITH_PARENT, str(program(process.package, process.executable))]
    return Command(process.name, [*start, *process.command_line()], may_end=process.may_end)


@contextmanager
def running(
    processes: Sequence[Process], *, domain: int, output: IO[str] | None = None, quiet: bool = False
) -> Iterator[Supervisor]:
    """The processes, started; all of them end with the block."""
    environment = dds.environment(domain)
    os.environ.update({k: environment[k] for k in environment if os.environ.get(k) != environment[k]})
    cleaned = dds.clean_shared_memory()
    if not quiet:
        print(f"shared memory: {cleaned}", file=output or sys.stdout)
    with Supervisor(environment=environment, output=output, quiet=quiet) as supervisor:
        for process in processes:
            supervisor.start(command(process))
        yield supervisor
