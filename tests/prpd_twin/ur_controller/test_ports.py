"""The ports, fed with bytes; a list stands in for the socket's other end."""

from __future__ import annotations

import asyncio
import json
import random
import struct
from types import SimpleNamespace

import pytest

from prpd_twin.ur_controller.fault_port import Faults
from prpd_twin.ur_controller.link import LinkFaults
from prpd_twin.ur_controller.main import VERSION
from prpd_twin.ur_controller.rtde_server import RtdeServer
from prpd_twin.ur_controller.wire import packet, take_packets
from prpd_twin.ur_controller.world_port import REPLY, REQUEST, WorldPort


class Wire:
    """What asyncio would be: takes what is written, remembers whether it was cut."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.cut = False

    def write(self, data: bytes) -> None:
        self.sent += data

    sendto = lambda self, data, address: self.write(data)  # noqa: E731

    def abort(self) -> None:
        self.cut = True

    def is_closing(self) -> bool:
        return self.cut

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, _: str) -> SimpleNamespace:
        return SimpleNamespace(setsockopt=lambda *_: None)


def rtde(bench) -> tuple:
    server = RtdeServer(bench.robot, LinkFaults(), VERSION)
    connection, wire = server.connection(), Wire()
    connection.connection_made(wire)
    return server, connection, wire


def ask(connection, wire: Wire, kind: str, payload: bytes = b"") -> bytes:
    wire.sent.clear()
    connection.data_received(packet(ord(kind), payload))
    ((answered, reply),) = take_packets(wire.sent)
    assert answered == ord(kind)
    return reply


@pytest.fixture
def in_loop():
    """Run a test's body where asyncio expects to be."""

    def run(body) -> None:
        async def main() -> None:
            body()

        asyncio.run(main())

    return run


def test_set_up_start_and_stream(bench, in_loop) -> None:
    def body() -> None:
        server, connection, wire = rtde(bench)
        assert ask(connection, wire, "V", b"\x00\x02") == b"\x01"
        assert ask(connection, wire, "V", b"\x00\x01") == b"\x00"
        assert struct.unpack(">4I", ask(connection, wire, "v")) == VERSION
        names = b"timestamp,actual_q,safety_mode,"
        assert ask(connection, wire, "O", struct.pack(">d", 125.0) + names) == b"\x01DOUBLE,VECTOR6D,INT32"
        for _ in range(8):
            bench.robot.cycle()
            server.publish()
        assert not wire.sent[20:], "nothing unasked before the start"
        assert ask(connection, wire, "S") == b"\x01"
        wire.sent.clear()
        for _ in range(8):
            bench.robot.cycle()
            server.publish()
        states = list(take_packets(wire.sent))
        assert len(states) == 2, "125 Hz is each fourth cycle"
        kind, payload = states[-1]
        assert kind == ord("U") and payload[0] == 1
        timestamp, *joints, safety = struct.unpack(">d6di", payload[1:])
        assert timestamp <= bench.robot.time and joints == bench.robot.outputs["actual_q"] and safety == 1
        assert ask(connection, wire, "P") == b"\x01"
        wire.sent.clear()
        bench.run(0.02)
        server.publish()
        assert not wire.sent

    in_loop(body)


def test_an_unknown_output_is_named_and_cannot_be_started(bench, in_loop) -> None:
    def body() -> None:
        _, connection, wire = rtde(bench)
        assert ask(connection, wire, "O", struct.pack(">d", 500.0) + b"timestamp,tea") == b"\x00DOUBLE,NOT_FOUND"
        assert ask(connection, wire, "S") == b"\x00"

    in_loop(body)


def test_input_recipes_are_numbered_per_connection_and_carry_data_before_the_start(bench, in_loop) -> None:
    def body() -> None:
        for _ in range(2):
            _, connection, wire = rtde(bench)
            assert ask(connection, wire, "I", b"input_int_register_20") == b"\x01INT32"
            assert ask(connection, wire, "I", b"input_double_register_20,input_int_register_20") == b"\x02DOUBLE,INT32"
            connection.data_received(packet(85, struct.pack(">Bdi", 2, 2.5, 7)))
            assert bench.robot.inputs.values["input_double_register_20"] == 2.5
            connection.data_received(packet(85, struct.pack(">Bi", 9, 7)))
            assert not wire.cut, "a recipe that was never set up is ignored"
            connection.connection_lost(None)

    in_loop(body)


def test_no_bytes_bring_the_server_down(bench, in_loop) -> None:
    def body() -> None:
        rng = random.Random(5)
        for _ in range(300):
            server, connection, wire = rtde(bench)
            for _ in range(4):
                if wire.cut:
                    break
                payload = rng.randbytes(rng.randrange(30))
                connection.data_received(packet(rng.choice(b"VvMUOISPx"), payload))
                server.publish()
            connection.connection_lost(None)
        bench.robot.cycle()

    in_loop(body)


def test_world_port_tells_where_the_tool_is_and_pushes_it(bench) -> None:
    port, wire = WorldPort(bench.robot), Wire()
    port.connection_made(wire)
    port.datagram_received(REQUEST.pack(1, 2, 3, 0, 0, 0), ("127.0.0.1", 9))
    time, *numbers = REPLY.unpack(bytes(wire.sent))
    assert time == bench.robot.time and numbers[:6] == bench.robot.outputs["actual_TCP_pose"]
    bench.robot.cycle()
    assert bench.robot.outputs["actual_TCP_force"][:3] == [1, 2, 3]
    wire.sent.clear()
    port.datagram_received(b"short", ("127.0.0.1", 9))
    assert not wire.sent


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"do": 3}',
        b'{"do": "force"}',
        b'{"do": "force", "wrench": [1, 2]}',
        b'{"do": "power"}',
    ],
)
def test_fault_port_says_what_is_wrong_with_a_request(bench, line: bytes) -> None:
    ports = SimpleNamespace(
        controller=bench.robot, faults=LinkFaults(), close_clients=None, freeze_cycle=None, worst_lateness=0.004
    )
    reply = Faults(ports).answer(line)
    assert not reply["ok"] and reply["error"]
    json.dumps(reply)
    bench.run(0.01)


def test_restore_undoes_everything(bench) -> None:
    ports = SimpleNamespace(
        controller=bench.robot, faults=LinkFaults(), close_clients=None, freeze_cycle=None, worst_lateness=0.004
    )
    faults = Faults(ports)
    broken = [{"do": "emergency_stop", "on": True}, {"do": "remote_control", "on": False}, {"do": "drop", "states": 1}]
    for request in broken:
        assert faults.answer(json.dumps(request).encode())["ok"]
        bench.run(0.1)
    state = faults.answer(b'{"do": "restore"}')["state"]
    assert (state["robot_mode"], state["safety_mode"], state["remote_control"]) == ("RUNNING", "NORMAL", True)
    assert ports.faults == LinkFaults()
