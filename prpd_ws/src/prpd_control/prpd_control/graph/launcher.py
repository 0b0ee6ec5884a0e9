"""Brings the described graph up without `ros2 launch`: locks, middleware, processes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from prpd_control.graph import dds
from prpd_control.graph.description import TWIN_ADDRESS, Process
from prpd_control.graph.locks import Lock, first_free
from prpd_control.graph.supervisor import Command, Supervisor

OWN_DOMAINS = range(60, 100)
"""ROS domains from which a batch on the twin takes one for itself."""


def command(process: Process) -> Command:
    """How the supervisor starts a process of the graph: with this interpreter, whether it is installed or not."""
    start = [sys.executable, "-m", "prpd_control.graph.child", process.target]
    return Command(process.name, [*start, *process.command_line()], may_end=process.may_end)


def reserve_domain(*, own: bool) -> tuple[int, Lock]:
    """The ROS domain of a graph and its lock: the user's ROS_DOMAIN_ID, else one of its `own`, else 0."""
    given = os.environ.get("ROS_DOMAIN_ID")
    candidates = [int(given)] if given else OWN_DOMAINS if own else [0]
    return first_free(candidates, lambda d: f"domain-{d}")


def reserve_address(asked: str) -> tuple[str, Lock]:
    """The loopback address of an emulated controller and its lock: the one asked for, else the first free one."""
    candidates = [asked] if asked else [TWIN_ADDRESS, *(f"127.0.0.{n}" for n in range(2, 100))]
    return first_free(candidates, lambda a: f"controller-{a}")


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
