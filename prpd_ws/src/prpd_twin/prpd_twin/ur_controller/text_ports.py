"""Ports 29999 and 30003: lines to the dashboard, programs to the interpreter."""

from __future__ import annotations

import asyncio
from typing import Optional, Set

from prpd_twin.ur_controller.controller import Controller
from prpd_twin.ur_controller.dashboard import BANNER, Dashboard
from prpd_twin.ur_controller.link import LinkFaults
from prpd_twin.ur_controller.upload import read_program, take_programs

MAX_PENDING = 4 * 1024 * 1024
"""Bytes without an end of line or program, after which a client is cut off."""


class TextConnection(asyncio.Protocol):
    """A connection that can be cut off with all others of its port."""

    def __init__(self, connections: Set[TextConnection], faults: LinkFaults) -> None:
        self._connections = connections
        self._faults = faults
        self._buffer = bytearray()
        self.transport: Optional[asyncio.Transport] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self.transport = transport  # type: ignore[assignment]
        self._connections.add(self)
        if self._faults.down:
            self.abort()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """It went."""
        self._connections.discard(self)

    def abort(self) -> None:
        """Cut the client off."""
        if self.transport:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._buffer += data
        self.take()
        if len(self._buffer) > MAX_PENDING:
            self.abort()

    def take(self) -> None:
        """Act on what is complete in the buffer."""
        raise NotImplementedError


class DashboardConnection(TextConnection):
    """One client of the dashboard server."""

    def __init__(self, connections: Set[TextConnection], faults: LinkFaults, dashboard: Dashboard) -> None:
        super().__init__(connections, faults)
        self._dashboard = dashboard

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet: clients wait for it."""
        super().connection_made(transport)
        self._say(BANNER)

    def _say(self, line: str) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(line.encode() + b"\n")

    def take(self) -> None:
        """Answer each line."""
        while b"\n" in self._buffer:
            line, _, rest = bytes(self._buffer).partition(b"\n")
            self._buffer[:] = rest
            self._say(self._dashboard.answer(line.decode("utf-8", "replace")))
            if line.strip().lower() == b"quit" and self.transport:
                self.transport.close()


class ScriptConnection(TextConnection):
    """One client that uploads programs; nothing is answered."""

    def __init__(self, connections: Set[TextConnection], faults: LinkFaults, controller: Controller) -> None:
        super().__init__(connections, faults)
        self._controller = controller

    def take(self) -> None:
        """Start each program."""
        for text in take_programs(self._buffer):
            self._controller.start_program(read_program(text))
