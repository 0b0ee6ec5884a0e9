"""`ros2 run prpd_twin ur_controller`: an emulated UR5e on a loopback address."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import selectors
import signal
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Callable, Deque, Dict, List, Optional, Sequence, Set

import tyro

from prpd_task.description import robot_description
from prpd_task.scheduling import be_real_time
from prpd_task.signals import ignore_signals
from prpd_twin.ur_controller import fault_port
from prpd_twin.ur_controller.clock import Clock
from prpd_twin.ur_controller.config import RobotConfig
from prpd_twin.ur_controller.controller import PERIOD, Controller
from prpd_twin.ur_controller.dashboard import Dashboard
from prpd_twin.ur_controller.kinematics import ArmModel
from prpd_twin.ur_controller.link import LinkFaults
from prpd_twin.ur_controller.rtde_server import RtdeServer
from prpd_twin.ur_controller.text_ports import DashboardConnection, ScriptConnection, TextConnection
from prpd_twin.ur_controller.world_port import WorldPort

VERSION = (5, 12, 4, 1101661)
"""Of the controller software that this one passes for."""
RTDE, DASHBOARD, SCRIPT, WORLD, FAULTS = 30004, 29999, 30003, 30020, 30021
PRIORITY = 30
"""Real-time, where the system grants one: a controller keeps its beat beside whatever else runs."""
HELD_UP = 0.03
"""s; a process that is as late as that catches up, and its clients could not answer the cycles that it missed."""
REMEMBERED = 1000
"""Cycles, whose lateness the fault port tells."""
READY_LINE = "ur_controller is ready on"


@dataclass(frozen=True)
class Args:
    """Emulate a UR5e controller that ur_rtde takes for a robot."""

    address: str = "127.0.0.1"
    """IPv4 address to listen on; 127.0.0.1, 127.0.0.2, ... are all this machine, so several robots can run at once."""
    robot: RobotConfig = field(default_factory=RobotConfig)
    quiet: bool = False
    """Log warnings only."""
    outlive_parent: bool = False
    """Go on when the process that started this one has ended."""


class Process:
    """Controller, ports and clock in one event loop."""

    def __init__(self, args: Args) -> None:
        self.controller = Controller(ArmModel(robot_description(maker=False)), args.robot)
        self.faults = LinkFaults()
        self._args = args
        self._parent = os.getppid()
        self._rtde = RtdeServer(self.controller, self.faults, VERSION)
        self._texts: Set[TextConnection] = set()
        self._clock = Clock(PERIOD, self._cycle)
        self._late: Deque[float] = deque([0.0], maxlen=REMEMBERED)
        self._done = asyncio.Event()

    async def run(self) -> None:
        """Until a signal comes, or the parent has ended."""
        loop, address = asyncio.get_running_loop(), self._args.address
        dashboard = Dashboard(self.controller, VERSION)
        ports: Dict[int, Callable[[], asyncio.Protocol]] = {
            DASHBOARD: functools.partial(DashboardConnection, self._texts, self.faults, dashboard),
            SCRIPT: functools.partial(ScriptConnection, self._texts, self.faults, self.controller),
            RTDE: self._rtde.connection,
        }
        servers: List[asyncio.AbstractServer] = [
            await loop.create_server(protocol, address, port, reuse_address=True) for port, protocol in ports.items()
        ]
        await loop.create_datagram_endpoint(lambda: WorldPort(self.controller), local_addr=(address, WORLD))
        servers.append(await asyncio.start_server(functools.partial(fault_port.serve, self), address, FAULTS))
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._done.set)
        gc.freeze()
        be_real_time(PRIORITY)  # not before: starting up takes a second of work that nobody must wait for
        self._clock.start()
        print(READY_LINE, address, flush=True)
        await self._done.wait()
        self._clock.stop()
        self.close_clients(rtde_only=False)
        for server in servers:
            server.close()

    @property
    def worst_lateness(self) -> float:
        """S, by which a cycle of late began too late; what was measured meanwhile is worth no more than that."""
        return max(self._late)

    def _cycle(self, late: float) -> None:
        self._late.append(late)
        if late > HELD_UP:
            self.controller.excuse(PERIOD)
        self.controller.cycle()
        self._rtde.publish()
        if self.controller.cycles % 50 == 0 and not self._args.outlive_parent and os.getppid() != self._parent:
            self._done.set()

    def close_clients(self, *, rtde_only: bool) -> None:
        """Close the clients' sockets: dashboard and script first, else `ur_rtde` reconnects for ever."""
        if not rtde_only:
            for connection in list(self._texts):
                connection.abort()
        self._rtde.close_connections()

    def freeze_cycle(self, seconds: float) -> None:
        """Let no cycle pass for so long."""
        self._clock.freeze(seconds)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Console script."""
    args = tyro.cli(Args, args=argv, prog="ur_controller")
    logging.basicConfig(level=logging.WARNING if args.quiet else logging.INFO, format="[%(name)s] %(message)s")
    # select() waits with microseconds, epoll only with milliseconds, too coarse for a cycle of 2 ms.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    try:
        loop.run_until_complete(_run(args))
    except OSError as error:
        print(f"cannot listen on {args.address}: {error}. Is another ur_controller running there?", file=sys.stderr)
        return 1
    finally:
        loop.close()
    ignore_signals()
    return 0


async def _run(args: Args) -> None:
    await Process(args).run()


if __name__ == "__main__":
    sys.exit(main())
