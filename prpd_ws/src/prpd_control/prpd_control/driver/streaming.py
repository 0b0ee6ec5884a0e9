"""The streaming process: one loop that reads, decides, writes, and does nothing else.

It is started by `process.StreamProcess` and ends when that closes its channel, however it comes to that.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from socket import socket

from prpd_control.driver import channel
from prpd_control.driver.action import Do
from prpd_control.driver.arm import Arm, StopError
from prpd_control.driver.channel import Channel, Closed
from prpd_control.driver.health import Reading
from prpd_control.driver.lateness import Lateness, quantile
from prpd_control.driver.limits import Reach, Target
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.state_block import NOWHERE, State, StateBlock
from prpd_control.driver.stops import Cause, Stop
from prpd_control.driver.supervisor import Supervisor
from prpd_control.driver.tool_frames import ToolFrames
from prpd_control.modes import Mode
from prpd_task.cell import Cell
from prpd_task.scheduling import be_real_time

LEAVE_TIMEOUT = 2.0
"""s, after which the process ends even if `ur_rtde` hangs while it leaves the controller."""
TARE_READINGS = 50
"""Force readings whose mean is the tare, taken when the arm rests at home."""


class Stream:
    """The loop's state between cycles."""

    def __init__(self, arm: Arm, settings: DriverSettings, cell: Cell, talk: Channel, block: StateBlock) -> None:
        self._arm = arm
        self._settings = settings
        self._talk = talk
        self._block = block
        now = time.monotonic()
        self._reading = arm.read(now)
        self._supervisor = Supervisor(settings, Reach(cell, ToolFrames(cell.base_from_soil), settings), now=now)
        self._commanded: tuple[float, ...] = NOWHERE
        self._lateness, self._recent = Lateness(), Lateness()
        self._late = (0.0, 0.0, 0.0)
        self._cycles_per_second = round(settings.rate)
        self._cycles_per_state = max(1, round(settings.rate / (2 * settings.publish_rate)))
        self._cycles = self._writes = self._skipped = 0
        self._going_home = False
        self._tare: list[list[float]] = []

    def run(self) -> Stop | None:
        """Until told to end (None), or there is nothing left to stream to (the reason)."""
        period = self._settings.period
        tick = time.monotonic()
        while True:
            now = time.monotonic()
            self._note_lateness(now - tick)
            self._cycle(now)
            try:
                while (message := self._talk.receive()) is not None:
                    if isinstance(message, channel.Shutdown):
                        return None
                    self._handle(message, time.monotonic())
            except Closed:
                return None
            stop = self._supervisor.stop
            if stop is not None and stop.cause.mode is Mode.DISCONNECTED:
                return stop
            tick = max(tick + period, time.monotonic() - period)
            time.sleep(max(0.0, tick - time.monotonic()))

    def _cycle(self, now: float) -> None:
        self._reading = reading = self._arm.read(now)
        action = self._supervisor.step(now, reading)
        self._arm.apply(action)
        self._cycles += 1
        if action.do is Do.SERVO and action.setpoint is not None:
            self._writes += 1
            self._commanded = action.setpoint
        elif action.do is Do.NOTHING:
            self._skipped += self._supervisor.mode in (Mode.STREAMING, Mode.MOVING)
        self._tare_at_home()
        if self._cycles % self._cycles_per_state == 0:
            self._publish(now, reading)

    def _publish(self, now: float, reading: Reading) -> None:
        supervisor = self._supervisor
        self._block.write(
            State(
                supervisor.mode,
                supervisor.stop.message if supervisor.stop is not None else "",
                supervisor.sequence,
                supervisor.lost_commands,
                self._cycles,
                self._writes,
                self._skipped,
                now,
                now - reading.time,
                reading.timestamp,
                reading.speed_scaling,
                *self._late,
                reading.setpoint,
                reading.velocity,
                reading.force,
                reading.torque,
                reading.joints,
                reading.joint_speeds,
                reading.ur_pose,
                self._commanded,
            )
        )

    def _handle(self, message: channel.Request, now: float) -> None:
        supervisor = self._supervisor
        supervisor.alive(now)
        if isinstance(message, Target):
            supervisor.command(now, message, self._reading)
        elif isinstance(message, channel.Home):
            refused = supervisor.home(self._reading)
            self._going_home = refused is None
            self._talk.send(channel.Answer(refused))
        elif isinstance(message, channel.Halt):
            supervisor.halt()
        elif isinstance(message, channel.Recover):
            self._talk.send(channel.Answer(supervisor.recover(self._reading)))

    def _tare_at_home(self) -> None:
        """When the arm has come to rest at home, in the air, what the sensor shows is not soil."""
        if not self._going_home or self._supervisor.mode is Mode.MOVING:
            return
        if self._supervisor.mode is not Mode.IDLE:
            self._going_home, self._tare = False, []
            return
        self._tare.append(self._arm.wrench())
        if len(self._tare) == TARE_READINGS:
            self._arm.tare(self._tare)
            self._going_home, self._tare = False, []

    def _note_lateness(self, late: float) -> None:
        self._recent.add(late)
        if self._cycles % self._cycles_per_second == 0:
            counts = self._recent.counts
            self._late = (quantile(counts, 0.5), quantile(counts, 0.99), quantile(counts, 1.0))
            self._lateness.take(self._recent)

    @property
    def lateness(self) -> tuple[int, ...]:
        """Histogram of all wake-ups."""
        self._lateness.take(self._recent)
        return tuple(self._lateness.counts)


def _leave_within(seconds: float) -> None:
    """End the process soon, whatever hangs."""
    timer = threading.Timer(seconds, os._exit, (3,))
    timer.daemon = True
    timer.start()


def main() -> None:
    """Entry point: file descriptors of channel and state block as arguments."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the node, which then closes the channel
    talk = Channel(socket(fileno=int(sys.argv[1])))
    block = StateBlock(int(sys.argv[2]))
    settings, cell = talk.wait(5.0)
    try:
        arm = Arm(settings, cell)
        stream = Stream(arm, settings, cell, talk, block)
    except StopError as error:
        _say_goodbye(talk, channel.Ended(error.stop))
    gc.collect()
    gc.freeze()
    gc.disable()
    realtime = be_real_time(settings.realtime_priority)
    stop: Stop | None = Stop(Cause.STREAM_DIED, "the streaming loop failed")
    try:
        talk.send(channel.Ready(arm.version, arm.warning, realtime))
        arm.watch()
        stop = stream.run()
    except StopError as error:
        stop = error.stop
    except RuntimeError as error:
        if not arm.cut_off:
            raise
        stop = Stop(Cause.LINK_LOST, f"the connection broke ({error})")  # `ur_rtde` saw it first, while it wrote
    except Closed:
        stop = None
    finally:
        _leave_within(LEAVE_TIMEOUT)
        arm.close()
        _say_goodbye(talk, channel.Ended(stop, stream.lateness))


def _say_goodbye(talk: Channel, message: channel.Ended) -> None:
    """The last words; then end at once, without the destructors of `ur_rtde`, which may hang or abort."""
    try:
        talk.send(message)
    finally:
        sys.stdout.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
