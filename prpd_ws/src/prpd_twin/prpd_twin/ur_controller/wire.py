"""RTDE protocol version 2 on the wire: packets, types, recipes. Everything is big endian."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any, Dict, Iterator, List, Sequence, Tuple

HEADER = struct.Struct(">HB")


class PacketType(IntEnum):
    """The third byte of a packet."""

    REQUEST_PROTOCOL_VERSION = 86
    GET_URCONTROL_VERSION = 118
    TEXT_MESSAGE = 77
    DATA_PACKAGE = 85
    SETUP_OUTPUTS = 79
    SETUP_INPUTS = 73
    START = 83
    PAUSE = 80


FORMATS = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT32": "I",
    "UINT64": "Q",
    "INT32": "i",
    "DOUBLE": "d",
    "VECTOR3D": "ddd",
    "VECTOR6D": "dddddd",
    "VECTOR6INT32": "iiiiii",
    "VECTOR6UINT32": "IIIIII",
}
"""Struct codes of the protocol's types."""


def packet(kind: int, payload: bytes) -> bytes:
    """One packet with its header."""
    return HEADER.pack(HEADER.size + len(payload), kind) + payload


def take_packets(buffer: bytearray) -> Iterator[Tuple[int, bytes]]:
    """Remove each complete packet from `buffer`; yield its kind and payload.

    Raises ValueError for a length that no packet can have: the stream is then lost for good.
    """
    while len(buffer) >= HEADER.size:
        size, kind = HEADER.unpack_from(buffer)
        if size < HEADER.size:
            raise ValueError(f"an RTDE packet cannot be {size} bytes long; the client does not speak RTDE version 2")
        if len(buffer) < size:
            return
        payload = bytes(buffer[HEADER.size : size])
        del buffer[:size]
        yield kind, payload


def split_names(text: bytes) -> List[str]:
    """Variable names of a set-up request; some clients end the list with a comma, some do not."""
    return [name for name in text.decode("ascii", "replace").split(",") if name]


class Recipe:
    """Named values in the order of one data package."""

    def __init__(self, identifier: int, names: Sequence[str], types: Sequence[str]) -> None:
        self.identifier = identifier
        self.names = tuple(names)
        self.types = tuple(types)
        self._struct = struct.Struct(">B" + "".join(FORMATS[t] for t in types))
        self._fields = [(n, struct.Struct(">" + FORMATS[t])) for n, t in zip(names, types)]
        self._scalar = [len(FORMATS[t]) == 1 for t in types]

    def pack(self, values: Dict[str, Any]) -> bytes:
        """A whole data packet: header, recipe id, values."""
        flat: List[Any] = [self.identifier]
        for name, scalar in zip(self.names, self._scalar):
            if scalar:
                flat.append(values[name])
            else:
                flat.extend(values[name])
        return packet(PacketType.DATA_PACKAGE, self._struct.pack(*flat))

    def unpack(self, payload: bytes) -> Dict[str, Any]:
        """The values of a data package (without its recipe id).

        Fields that a short payload lacks are left out and surplus bytes are ignored: `ur_rtde` sends both.
        """
        values: Dict[str, Any] = {}
        offset = 0
        for name, field in self._fields:
            if offset + field.size > len(payload):
                break
            numbers = field.unpack_from(payload, offset)
            values[name] = numbers[0] if len(numbers) == 1 else numbers
            offset += field.size
        return values
