"""Port 30020 (UDP): where the simulated soil pushes on the tool and learns where it is.

A request is a wrench on the robot at its TCP, along the axes of `base`: six doubles, N and N m, little endian. The
reply is thirteen: controller time in s, actual TCP pose (m, rotation vector in rad, in `base`), TCP speed (m/s, rad/s).
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any, Optional, Tuple

from prpd_twin.ur_controller.controller import Controller

REQUEST = struct.Struct("<6d")
REPLY = struct.Struct("<13d")


class WorldPort(asyncio.DatagramProtocol):
    """Answers whoever asks."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._transport: Optional[asyncio.DatagramTransport] = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: Tuple[Any, ...]) -> None:
        """One request; anything of another length is ignored."""
        if len(data) != REQUEST.size or self._transport is None:
            return
        robot = self._controller
        robot.force.push(REQUEST.unpack(data), robot.time)
        out = robot.outputs
        self._transport.sendto(REPLY.pack(robot.time, *out["actual_TCP_pose"], *out["actual_TCP_speed"]), addr)
