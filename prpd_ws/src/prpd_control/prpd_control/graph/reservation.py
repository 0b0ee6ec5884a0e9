"""A graph's own place: its nodes' names in a ROS domain, and its arm. Launch files and `prpd` reserve it alike.

Two nodes of one name in one domain share their topics, and each gets the other's messages; two drivers of one arm fight
over it. Both end badly and far from the cause, so the second graph is refused, or goes elsewhere where it may.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Generic, TypeVar

from prpd_control.graph.description import TWIN_ADDRESS, Options, Process
from prpd_control.graph.locks import Locks, TakenError, first_free
from prpd_task.errors import UserError

O = TypeVar("O", bound=Options)  # noqa: E741 - as short as its meaning: some options
OWN_DOMAINS = range(60, 100)
"""ROS domains from which a batch on the twin takes one for itself."""
LOOPBACK = (TWIN_ADDRESS, *(f"127.0.0.{n}" for n in range(2, 100)))
LARGEST_DOMAIN = 232


@dataclass(frozen=True)
class Reservation(Generic[O]):
    """Held until `release`, the end of the `with` block or of the process."""

    domain: int
    """ROS domain."""
    options: O
    """As asked for, with the address of the twin's controller."""
    _locks: tuple[Locks, ...]

    def release(self) -> None:
        """Give the place back."""
        for locks in self._locks:
            locks.release()

    def __enter__(self) -> Reservation[O]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def reserve(options: O, build: Callable[[O], Sequence[Process]], *, own_domain: bool = False) -> Reservation[O]:
    """A place for the processes that `build` makes of the options.

    The domain is ROS_DOMAIN_ID where that is set, else one of `OWN_DOMAINS` for a graph that wants its `own_domain`,
    else 0. A twin without an address gets the first free one.
    """
    given = domain_of_environment()
    domains = [given] if given is not None else OWN_DOMAINS if own_domain else [0]
    names = [process.name for process in build(options)]
    try:
        domain, nodes = first_free(domains, lambda d: [f"{name} of ROS domain {d}" for name in names])
    except TakenError as error:
        raise TakenError(f"{error}; end that one, or set ROS_DOMAIN_ID to a domain of its own") from None
    candidates = (
        [replace(options, robot_ip=a) for a in LOOPBACK] if options.twin and not options.robot_ip else [options]
    )
    try:
        chosen, devices = first_free(candidates, lambda o: [device for p in build(o) for device in p.devices])
    except TakenError as error:
        nodes.release()
        raise TakenError(f"{error}; end that one, or name another robot_ip") from None
    return Reservation(domain, chosen, (nodes, devices))


def domain_of_environment() -> int | None:
    """What ROS_DOMAIN_ID says; None where it is not set."""
    text = os.environ.get("ROS_DOMAIN_ID", "")
    if not text:
        return None
    if not text.isdecimal() or int(text) > LARGEST_DOMAIN:
        raise UserError(f"ROS_DOMAIN_ID={text} is no ROS domain: set a number from 0 to {LARGEST_DOMAIN}, or unset it")
    return int(text)
