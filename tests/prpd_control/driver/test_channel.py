from __future__ import annotations

import multiprocessing as mp
import os

import pytest

from prpd_control.driver import channel
from prpd_control.driver.channel import Channel, Closed
from prpd_control.driver.limits import Target
from prpd_control.driver.state_block import State, StateBlock
from prpd_control.modes import Mode


def state(n=0.0, reason=""):
    six = (n,) * 6
    return State(
        mode=Mode.STREAMING, reason=reason, sequence=7, lost_commands=1, cycles=2, writes=3, skipped=4, time=n, age=n,
        timestamp=n, speed_scaling=n, late_median=n, late_p99=n, late_max=n, setpoint=(n,) * 7, velocity=six,
        force=(n,) * 3, torque=(n,) * 3, joints=six, joint_speeds=six, ur_pose=six, commanded=(n,) * 7,
    )  # fmt: skip


def test_messages_arrive_in_order_and_whole():
    ours, theirs = Channel.pair()
    other = Channel(theirs)
    sent = [Target(i, (0.0, 0.1, 0.2, 0.3), 0.1) for i in range(20)] + [channel.Home(), channel.Recover()]
    for message in sent:
        ours.send(message)
    received = []
    while (message := other.receive()) is not None:
        received.append(message)
    assert received == sent


def test_the_end_of_the_other_side_is_seen():
    ours, theirs = Channel.pair()
    theirs.close()
    with pytest.raises(Closed):
        ours.receive()
    with pytest.raises(Closed):
        ours.send(channel.Alive())


def test_last_words_are_heard_from_one_who_left_something_unread():
    ours, end = Channel.pair()
    theirs = Channel(end)
    ours.send(channel.Alive())
    theirs.send(channel.Ended(None))
    theirs.close()
    assert ours.receive() == channel.Ended(None)
    with pytest.raises(Closed):
        ours.receive()


def test_a_hung_reader_does_not_block_the_sender():
    ours, theirs = Channel.pair()
    for _ in range(20_000):
        ours.send(channel.Alive())
    theirs.close()


def test_state_block_round_trip():
    descriptor = StateBlock.create()
    writer, reader = StateBlock(descriptor), StateBlock(descriptor)
    os.close(descriptor)
    assert reader.read() is None
    writer.write(state(1.5, "gründlich"))
    assert reader.read() == state(1.5, "gründlich")


def _write(descriptor, count):
    block = StateBlock(descriptor)
    for i in range(count):
        block.write(state(float(i)))


def test_no_half_states_from_another_process():
    descriptor = StateBlock.create()
    reader = StateBlock(descriptor)
    process = mp.get_context("fork").Process(target=_write, args=(descriptor, 30_000))
    process.start()
    seen = set()
    while process.is_alive():
        s = reader.read()
        if s is not None:
            assert set(s.setpoint) | set(s.ur_pose) | set(s.commanded) == {s.time}
            seen.add(s.time)
    process.join()
    assert len(seen) > 10 and reader.read().time == 29_999.0
