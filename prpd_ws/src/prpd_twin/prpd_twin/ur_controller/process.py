"""Start an emulated controller as a process of its own, wait for it, break it, end it.

    with Emulator("127.0.0.2") as robot:
        receive = rtde_receive.RTDEReceiveInterface(robot.address)
        robot.do("protective_stop")

It must not share a process with `ur_rtde`, whose constructors hold the interpreter's lock while they wait for answers.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from types import TracebackType
from typing import Any, Dict, Optional, Sequence, Type

from prpd_twin.ur_controller.main import FAULTS, READY_LINE


class Emulator:
    """A running `ur_controller`."""

    def __init__(self, address: str, *, options: Sequence[str] = ()) -> None:
        """Start it; returns when its ports are open. `options` are further command line arguments."""
        self.address = address
        self._process = subprocess.Popen(
            [sys.executable, "-m", "prpd_twin.ur_controller.main", "--address", address, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._socket: Optional[socket.socket] = None
        if self._process.stdout is None or READY_LINE not in self._process.stdout.readline():
            code = self._process.wait(timeout=10)
            raise RuntimeError(f"no emulated controller on {address}: it ended with status {code}; its output says why")

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def do(self, what: str, **arguments: Any) -> Dict[str, Any]:
        """Send a request to the fault port; returns the state after it. Raises ValueError for a refused one."""
        if self._socket is None:
            self._socket = socket.create_connection((self.address, FAULTS), timeout=10)
            self._lines = self._socket.makefile("r")
        self._socket.sendall(json.dumps({"do": what, **arguments}).encode() + b"\n")
        reply = json.loads(self._lines.readline())
        if not reply["ok"]:
            raise ValueError(reply["error"])
        return dict(reply["state"])

    def kill(self) -> None:
        """End it the hard way."""
        self._process.kill()
        self._process.wait()

    def close(self) -> int:
        """End it; returns its exit status."""
        if self._socket is not None:
            self._lines.close()
            self._socket.close()
            self._socket = None
        self._process.terminate()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.kill()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.returncode

    def __enter__(self) -> Emulator:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
