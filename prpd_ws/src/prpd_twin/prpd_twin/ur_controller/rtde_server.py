"""Port 30004: Real-Time Data Exchange, protocol version 2."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from typing import Dict, Optional, Set

from prpd_twin.ur_controller.controller import PERIOD, Controller
from prpd_twin.ur_controller.link import Channel, LinkFaults, lost
from prpd_twin.ur_controller.variables import INPUTS, OUTPUTS
from prpd_twin.ur_controller.wire import PacketType, Recipe, packet, split_names, take_packets

ACCEPTED, REFUSED = b"\x01", b"\x00"
MAX_BACKLOG = 256 * 1024
"""Bytes; a client that leaves so much unread is cut off, as a real controller does."""

log = logging.getLogger("ur_controller.rtde")


class RtdeServer:
    """All RTDE connections of one controller."""

    def __init__(self, controller: Controller, faults: LinkFaults, version: tuple) -> None:
        self.controller = controller
        self.faults = faults
        self.version = version
        self.rng = random.Random(controller.config.seed)
        self.connections: Set[RtdeConnection] = set()

    def connection(self) -> RtdeConnection:
        """A protocol for asyncio's `create_server`."""
        return RtdeConnection(self)

    def publish(self) -> None:
        """Send the present state to each client whose turn it is."""
        for connection in list(self.connections):
            connection.publish()

    def close_connections(self) -> None:
        """Cut all clients off."""
        for connection in list(self.connections):
            connection.abort()


class RtdeConnection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: RtdeServer) -> None:
        self._server = server
        self._controller = server.controller
        self._buffer = bytearray()
        self._inputs: Dict[int, Recipe] = {}
        self._outputs: Optional[Recipe] = None
        self._reads_inputs = False
        self._every = 1
        self._started = False
        self._transport: Optional[asyncio.Transport] = None
        self._incoming = Channel(server.faults, self._take)
        self._outgoing = Channel(server.faults, self._write)
        self._handlers = {
            PacketType.REQUEST_PROTOCOL_VERSION: self._protocol_version,
            PacketType.GET_URCONTROL_VERSION: self._control_version,
            PacketType.SETUP_OUTPUTS: self._setup_outputs,
            PacketType.SETUP_INPUTS: self._setup_inputs,
            PacketType.START: self._start,
            PacketType.PAUSE: self._pause,
        }

    # -- asyncio --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client came."""
        self._transport = transport  # type: ignore[assignment]
        self._server.connections.add(self)
        if self._server.faults.down:
            self.abort()

    def connection_lost(self, exc: Optional[Exception]) -> None:
        """It went: its input variables are free again."""
        self._server.connections.discard(self)
        self._controller.inputs.release(self)
        self._incoming.close()
        self._outgoing.close()

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self._acknowledge_quickly()
        self._incoming.pass_on(data)

    def _acknowledge_quickly(self) -> None:
        """Clients leave Nagle's algorithm on: without this, a second small write waits 40 ms for a delayed ACK."""
        if self._transport and hasattr(socket, "TCP_QUICKACK") and not self._started:
            self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def abort(self) -> None:
        """Cut the client off."""
        if self._transport:
            self._transport.abort()

    def _write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            if self._transport.get_write_buffer_size() > MAX_BACKLOG:
                log.warning("a client does not read its states: cut off")
                self.abort()
            else:
                self._transport.write(data)

    # -- protocol --

    def _take(self, data: bytes) -> None:
        self._buffer += data
        try:
            for kind, payload in take_packets(self._buffer):
                if kind == PacketType.DATA_PACKAGE:
                    self._data(payload)
                elif kind in self._handlers:
                    self._outgoing.pass_on(packet(kind, self._handlers[PacketType(kind)](payload)))
                else:
                    log.warning("packet of unknown kind %d ignored", kind)
        except (ValueError, struct.error, IndexError) as error:
            log.warning("a client sent what is not RTDE (%s): cut off", error)
            self.abort()

    def _protocol_version(self, payload: bytes) -> bytes:
        return ACCEPTED if struct.unpack_from(">H", payload)[0] == 2 else REFUSED

    def _control_version(self, payload: bytes) -> bytes:
        return struct.pack(">4I", *self._server.version)

    def _setup_outputs(self, payload: bytes) -> bytes:
        (frequency,) = struct.unpack_from(">d", payload)
        names = split_names(payload[8:])
        types = [OUTPUTS.get(name, "NOT_FOUND") for name in names]
        self._outputs = None if "NOT_FOUND" in types else Recipe(1, names, types)
        self._reads_inputs = any(name in INPUTS for name in names)
        self._every = max(1, round(1 / (PERIOD * frequency))) if frequency > 0 else 1
        return struct.pack(">B", 1 if self._outputs else 0) + ",".join(types).encode()

    def _setup_inputs(self, payload: bytes) -> bytes:
        names = split_names(payload)
        types = self._controller.inputs.claim(self, names)
        if {"NOT_FOUND", "IN_USE"} & set(types):
            return b"\x00" + ",".join(types).encode()
        identifier = len(self._inputs) + 1
        self._inputs[identifier] = Recipe(identifier, names, types)
        return struct.pack(">B", identifier) + ",".join(types).encode()

    def _start(self, payload: bytes) -> bytes:
        self._started = self._outputs is not None
        return ACCEPTED if self._started else REFUSED

    def _pause(self, payload: bytes) -> bytes:
        self._started = False
        return ACCEPTED

    def _data(self, payload: bytes) -> None:
        recipe = self._inputs.get(payload[0]) if payload else None
        if recipe is None:
            log.warning("data for an input recipe that was never set up: ignored")
        elif not lost(self._server.faults.drop_commands, self._server.rng):
            self._controller.receive(recipe.unpack(payload[1:]))

    def publish(self) -> None:
        """Send the present state if it is this client's turn."""
        due = self._started and self._controller.cycles % self._every == 0
        if due and self._outputs and not lost(self._server.faults.drop_states, self._server.rng):
            values = self._controller.outputs
            if self._reads_inputs:
                values = {**values, **self._controller.inputs.values}
            self._outgoing.pass_on(self._outputs.pack(values))
