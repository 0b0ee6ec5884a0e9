"""The faulty network, on a loop whose time the test turns."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest

from prpd_twin.ur_controller.clock import MAX_BEHIND, Clock
from prpd_twin.ur_controller.link import Channel, LinkFaults, lost


class TurnedLoop(asyncio.SelectorEventLoop):
    """Time jumps to the next timer instead of passing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        super()._run_once()


def on_turned_loop(main: Callable) -> None:
    loop = TurnedLoop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def test_a_healthy_link_passes_at_once() -> None:
    async def main() -> None:
        got: list[bytes] = []
        Channel(LinkFaults(), got.append).pass_on(b"a")
        assert got == [b"a"]

    on_turned_loop(main)


def test_delay_keeps_order_also_when_it_shrinks() -> None:
    async def main() -> None:
        loop, faults, got = asyncio.get_running_loop(), LinkFaults(delay=0.1), []
        channel = Channel(faults, lambda data: got.append((data, loop.time())))
        start = loop.time()
        channel.pass_on(b"a")
        faults.delay = 0.0
        channel.pass_on(b"b")
        await asyncio.sleep(0.2)
        assert [(data, round(time - start, 6)) for data, time in got] == [(b"a", 0.1), (b"b", 0.1)]

    on_turned_loop(main)


def test_a_frozen_link_passes_everything_when_it_thaws() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        faults, got = LinkFaults(frozen_until=loop.time() + 0.5), []
        channel = Channel(faults, got.append)
        for data in (b"a", b"b"):
            channel.pass_on(data)
            await asyncio.sleep(0.1)
        faults.frozen_until = loop.time() + 0.5
        await asyncio.sleep(0.45)
        assert got == [], "a second freeze prolongs the first"
        await asyncio.sleep(0.1)
        assert got == [b"a", b"b"]
        channel.pass_on(b"c")
        channel.close()
        await asyncio.sleep(1.0)
        assert got == [b"a", b"b", b"c"]

    on_turned_loop(main)


def test_losses_are_as_frequent_as_asked_for() -> None:
    rng = random.Random(0)
    assert not any(lost(0.0, rng) for _ in range(100))
    assert 250 < sum(lost(0.3, rng) for _ in range(1000)) < 350


def test_clock_keeps_its_beat_and_catches_up() -> None:
    async def main() -> None:
        loop, beats, lates = asyncio.get_running_loop(), [], []

        def tick(late: float) -> None:
            beats.append(loop.time())
            lates.append(late)

        clock = Clock(0.002, tick)
        start = loop.time()
        clock.start()
        await asyncio.sleep(0.0201)
        assert [round((beat - start) / 0.002) for beat in beats] == list(range(1, 11))
        loop.now += 0.01  # the process was held up for five beats
        await asyncio.sleep(0.0101)
        assert len(beats) == 20
        assert max(lates[:10]) < 1e-3 and lates[10] == pytest.approx(0.01, abs=2e-3), "and says how late it is"

    on_turned_loop(main)


def test_clock_does_not_catch_up_with_a_long_absence_and_can_be_frozen() -> None:
    async def main() -> None:
        loop, beats = asyncio.get_running_loop(), []
        clock = Clock(0.002, lambda late: beats.append(loop.time()))
        clock.start()
        await asyncio.sleep(0.0101)
        loop.now += 10 * MAX_BEHIND
        await asyncio.sleep(0.0101)
        assert len(beats) <= 5 + 6
        clock.freeze(0.5)
        count = len(beats)
        await asyncio.sleep(0.49)
        assert len(beats) == count
        await asyncio.sleep(0.05)
        assert len(beats) > count

    on_turned_loop(main)
