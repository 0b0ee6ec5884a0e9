"""Requests and answers between node and streaming process: datagrams in order, on a pair of sockets.

When either side dies, however it dies, the other reads the end of the stream at once.
"""

from __future__ import annotations

import pickle
import select
import socket
from dataclasses import dataclass
from typing import Any

from prpd_control.driver.limits import Target
from prpd_control.driver.stops import Stop


@dataclass(frozen=True)
class Alive:
    """The node lives."""


@dataclass(frozen=True)
class Home:
    """Go home."""


@dataclass(frozen=True)
class Halt:
    """Stop."""


@dataclass(frozen=True)
class Recover:
    """Go on after a stop."""


@dataclass(frozen=True)
class Shutdown:
    """Stop, leave the controller, end."""


Request = Target | Alive | Home | Halt | Recover | Shutdown


@dataclass(frozen=True)
class Ready:
    """The connection stands."""

    version: str
    warning: str
    realtime: bool
    """Whether the stream runs with real-time priority."""


@dataclass(frozen=True)
class Answer:
    """To Home or Recover."""

    refused: Stop | None


@dataclass(frozen=True)
class Ended:
    """The streaming process leaves, and why."""

    stop: Stop | None
    lateness: tuple[int, ...] = ()
    """Histogram of the loop's wake-ups, see `lateness`."""


class Closed(EOFError):
    """The other side is gone."""


class Channel:
    """One end of the pair."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._waiting = select.poll()  # which costs less than an exception per look
        self._waiting.register(end, select.POLLIN)
        end.setblocking(False)

    @classmethod
    def pair(cls) -> tuple[Channel, socket.socket]:
        """Our end, and the socket to hand to the other process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(ours), theirs

    def send(self, message: Any) -> None:
        """Without waiting; raises Closed. Where the other side hangs and the buffer is full, the message is dropped."""
        try:
            self._socket.send(pickle.dumps(message))
        except BlockingIOError:
            pass
        except OSError as error:
            raise Closed("the other side is gone") from error

    def receive(self) -> Any | None:
        """The next message, or None; raises Closed."""
        if not self._waiting.poll(0):
            return None
        try:
            try:
                data = self._socket.recv(1 << 16)
            except ConnectionResetError:  # it left something unread; what it said before it went is still here
                data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return None
        except OSError as error:
            raise Closed("the other side is gone") from error
        if not data:
            raise Closed("the other side is gone")
        return pickle.loads(data)

    def wait(self, seconds: float) -> Any:
        """The next message, waited for; raises Closed, also when none comes."""
        self._waiting.poll(1e3 * seconds)
        message = self.receive()
        if message is None:
            raise Closed(f"nothing was said for {seconds:g} s")
        return message

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
