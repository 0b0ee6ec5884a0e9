"""What the kernel says of connections that are another's."""

from __future__ import annotations

import gc
import socket
import time

import pytest

from prpd_control.driver.wires import Wires


@pytest.fixture
def pair():
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()
        with ours, theirs:
            yield ours, theirs


def until_cut(wires):
    end = time.monotonic() + 2.0
    while not wires.cut and time.monotonic() < end:
        time.sleep(0.001)
    return wires.cut


def test_a_connection_that_the_other_side_closes_is_cut(pair):
    ours, theirs = pair
    wires = Wires(*ours.getpeername())
    assert len(wires) == 1 and not wires.cut
    theirs.close()
    assert until_cut(wires)


def test_a_reset_and_our_own_end_count_too(pair):
    ours, theirs = pair
    wires = Wires(*ours.getpeername())
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    theirs.close()
    assert until_cut(wires)
    ours.close()
    assert wires.cut


def test_other_connections_are_left_alone(pair):
    ours, theirs = pair
    wires = Wires("127.0.0.1", 1)
    assert len(wires) == 0 and not wires.cut
    del wires
    some = Wires(*ours.getpeername())
    del some
    gc.collect()
    ours.sendall(b"still open")
    assert theirs.recv(16) == b"still open"
