"""The emulated arm, seen from the soil: a force for a pose, over the controller's world port (UDP)."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from prpd_task.cell import Cell
from prpd_task.frames import Pose, quaternion_rotate

PORT = 30020
_REQUEST = struct.Struct("<6d")
_REPLY = struct.Struct("<13d")


@dataclass(frozen=True)
class ArmReading:
    """Where the bucket is."""

    time: float
    """s, of the controller's clock."""
    soil_from_bucket: Pose
    velocity: np.ndarray
    """(3,) m/s, of the bucket's origin, in the soil frame."""


class ArmLink:
    """Client of the world port. Use as a context manager."""

    def __init__(self, address: str, cell: Cell, *, port: int = PORT, timeout: float = 0.01) -> None:
        self._soil_from_base = cell.base_from_soil.inverse()
        self._base_from_soil_axes = quaternion_rotate(np.asarray(cell.base_from_soil.quaternion), np.eye(3)).T
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((address, port))
        self._timeout = timeout
        self._socket.settimeout(timeout)

    def tell(self, force: np.ndarray) -> None:
        """Tell the force (3,) N on the bucket, at its origin in the soil frame.

        What is not renewed within 0.1 s falls to zero at the controller.
        """
        self._newest_reply()  # those of before are of no use any more
        with contextlib.suppress(ConnectionRefusedError):  # nobody is there; who asks where the bucket is will learn it
            self._socket.send(_REQUEST.pack(*self._base_from_soil_axes @ force, 0.0, 0.0, 0.0))

    def exchange(self, force: np.ndarray) -> ArmReading | None:
        """The same, and learn where the bucket is; None when the controller does not answer in time."""
        self.tell(force)
        try:
            reply = self._socket.recv(_REPLY.size)
        except (TimeoutError, ConnectionRefusedError):
            return None
        numbers = np.array(_REPLY.unpack(self._newest_reply() or reply))
        return ArmReading(
            time=float(numbers[0]),
            soil_from_bucket=self._soil_from_base @ Pose.from_rotation_vector(numbers[1:7]),
            velocity=self._base_from_soil_axes.T @ numbers[7:10],
        )

    def _newest_reply(self) -> bytes | None:
        """The last one of those that have come by now, if any."""
        reply = None
        self._socket.setblocking(False)
        try:
            while True:
                reply = self._socket.recv(_REPLY.size)
        except (BlockingIOError, ConnectionRefusedError):
            return reply
        finally:
            self._socket.settimeout(self._timeout)

    def close(self) -> None:
        """Free the socket."""
        self._socket.close()

    def __enter__(self) -> ArmLink:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
