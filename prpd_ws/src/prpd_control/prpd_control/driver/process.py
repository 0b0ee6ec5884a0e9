"""The node's side of the streaming process: start it, talk with it, notice its end, end it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable

from prpd_control.driver import channel
from prpd_control.driver.channel import Channel, Closed
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.state_block import State, StateBlock
from prpd_control.driver.stops import Cause, Stop
from prpd_task.cell import Cell

CONNECT_TIMEOUT = 15.0
"""s, for process, connection and checks."""
HUNG = 1.0
"""s without a cycle after which the process is taken for hung."""
LEAVE_TIMEOUT = 4.0
"""s, for it to leave the controller in order."""


class StreamProcess:
    """One streaming process, which is one connection to the controller. Not reused after its end."""

    def __init__(self, settings: DriverSettings, cell: Cell) -> None:
        self._talk, theirs = Channel.pair()
        descriptor = StateBlock.create()
        self._block = StateBlock(descriptor)
        self._state: State | None = None
        self._answers: list[channel.Answer] = []
        self._started = time.monotonic()
        self.ready: channel.Ready | None = None
        """Once the connection stands."""
        self.end: channel.Ended | None = None
        """Once the process is gone, or useless."""
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prpd_control.driver.streaming", str(theirs.fileno()), str(descriptor)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), descriptor),
            )
        os.close(descriptor)
        self.send((settings, cell))

    @property
    def pid(self) -> int:
        """Of the streaming process."""
        return self._process.pid

    def send(self, message: object) -> None:
        """A request; lost without a word where the process is gone, which `poll` then finds."""
        try:
            self._talk.send(message)
        except Closed:
            self.poll()

    def state(self) -> State | None:
        """The newest state; while one is being written, for however long, the one before."""
        self._state = self._block.read() or self._state
        return self._state

    @property
    def last(self) -> State | None:
        """The state that `state` or `poll` has read last."""
        return self._state

    def answer(self) -> channel.Answer | None:
        """The next answer to Home or Recover that `poll` has taken in, in order."""
        return self._answers.pop(0) if self._answers else None

    def poll(self) -> None:
        """Take in what the process says, and whether it lives; `ready` and `end` tell."""
        if self.end is not None:
            return
        try:
            while (message := self._talk.receive()) is not None:
                if isinstance(message, channel.Ready):
                    self.ready = message
                elif isinstance(message, channel.Answer):
                    self._answers.append(message)
                elif isinstance(message, channel.Ended):
                    self.end = message
                    return
        except Closed:
            status = self._process.wait(timeout=LEAVE_TIMEOUT)
            self._give_up(f"the streaming process ended with status {status}")
            return
        self._look_for_hang()

    def _look_for_hang(self) -> None:
        now, state = time.monotonic(), self.state()
        if self.ready is None:
            if now - self._started > CONNECT_TIMEOUT:
                self._process.kill()
                self.end = channel.Ended(
                    Stop(Cause.NO_CONTROL, f"the connection did not stand after {CONNECT_TIMEOUT:g} s")
                )
        elif state is not None and now - state.time > HUNG:
            self._process.kill()
            self._give_up(f"the streaming process hung for {now - state.time:.1f} s")

    def _give_up(self, seen: str) -> None:
        self.end = channel.Ended(Stop(Cause.STREAM_DIED, seen))

    def wait_ready(self, *, given_up: Callable[[], bool] = lambda: False) -> Stop | None:
        """Until the connection stands (None), or cannot (the reason); `given_up` ends the wait early."""
        while True:
            self.poll()
            if self.end is not None:
                return self.end.stop or Stop(Cause.REQUESTED, "the driver was told to end")
            if self.ready is not None:
                return None
            if given_up():
                return Stop(Cause.REQUESTED, "the driver was told to end")
            time.sleep(0.01)

    def close(self) -> None:
        """Stop the arm, leave the controller, end the process; the hard way if it takes too long."""
        self.send(channel.Shutdown())
        try:
            self._process.wait(timeout=LEAVE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.poll()
        self._talk.close()
        self._block.close()
