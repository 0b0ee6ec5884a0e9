"""Whether the controller has closed a connection, asked of the kernel.

`ur_rtde` finds that out late, and when something is written meanwhile it reconnects from within that write: it hangs
for seconds, or crashes. So it must not be let write any more.
"""

from __future__ import annotations

import contextlib
import os
import socket

ESTABLISHED = b"\x01"
"""First byte of TCP_INFO."""


class Wires:
    """The TCP connections that this process has to one address and port at the time of construction.

    They belong to somebody else: nothing here closes them.
    """

    def __init__(self, address: str, port: int) -> None:
        self._sockets: list[socket.socket] = []
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):  # no socket, or gone meanwhile
                self._look_at(int(name), (address, port))

    def _look_at(self, descriptor: int, peer: tuple[str, int]) -> None:
        it = socket.socket(fileno=descriptor)
        try:
            wanted = it.family == socket.AF_INET and it.getpeername() == peer
        except OSError:
            wanted = False
        if wanted:
            self._sockets.append(it)
        else:
            it.detach()

    def __len__(self) -> int:
        return len(self._sockets)

    @property
    def cut(self) -> bool:
        """Whether one of them is not open both ways any more."""
        try:
            return any(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) != ESTABLISHED for s in self._sockets)
        except OSError:
            return True

    def __del__(self) -> None:
        for it in self._sockets:
            it.detach()
