"""The newest state of the stream, in memory that streaming process and node share: written and read without waiting.

The memory has no name, so that no kill leaves litter. A counter that is odd during a write, and another after it,
tells a reader that it has read half of two states.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import dataclass

from prpd_control.modes import Mode

NOWHERE = (float("nan"),) * 7


@dataclass(frozen=True, slots=True)
class State:
    """What the stream knows after one cycle. Frames and units as in `health.Reading`."""

    mode: Mode
    reason: str
    """Why the arm stands still, for the operator; empty while it may move."""
    sequence: int
    """Of the last command accepted."""
    lost_commands: int
    cycles: int
    writes: int
    """Setpoints sent so far."""
    skipped: int
    """Cycles of a motion in which nothing was sent, for want of a fresh state."""
    time: float
    """s, monotonic, of the cycle."""
    age: float
    """s, of the controller's report."""
    timestamp: float
    """s, of the controller's clock."""
    speed_scaling: float
    late_median: float
    """s, by which the loop woke late during the last second."""
    late_p99: float
    late_max: float
    setpoint: tuple[float, ...]
    """(7,) measured."""
    velocity: tuple[float, ...]
    force: tuple[float, ...]
    torque: tuple[float, ...]
    joints: tuple[float, ...]
    joint_speeds: tuple[float, ...]
    ur_pose: tuple[float, ...]
    commanded: tuple[float, ...] = NOWHERE
    """(7,) the last setpoint sent; NaN before the first."""


_COUNT = struct.Struct("=Q")
_BODY = struct.Struct("=7q51d1000s")
_SIZE = mmap.PAGESIZE


class StateBlock:
    """Shared memory with one State. One process writes, others read."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _SIZE)

    @staticmethod
    def create() -> int:
        """A file descriptor for StateBlock, here and in a child process that inherits it."""
        descriptor = os.memfd_create("bucket_driver_state", 0)
        os.ftruncate(descriptor, _SIZE)
        return descriptor

    def write(self, s: State) -> None:
        """Publish."""
        count: int = _COUNT.unpack_from(self._memory)[0]
        _COUNT.pack_into(self._memory, 0, count + 1)
        reason = s.reason.encode()[:1000]
        _BODY.pack_into(
            self._memory, _COUNT.size,
            s.mode, s.sequence, s.lost_commands, s.cycles, s.writes, s.skipped, len(reason),
            s.time, s.age, s.timestamp, s.speed_scaling, s.late_median, s.late_p99, s.late_max,
            *s.setpoint, *s.velocity, *s.force, *s.torque, *s.joints, *s.joint_speeds, *s.ur_pose, *s.commanded,
            reason,
        )  # fmt: skip
        _COUNT.pack_into(self._memory, 0, count + 2)

    def read(self) -> State | None:
        """The newest state; None before the first, and where the writer died in the middle of one."""
        for _ in range(100):
            before: int = _COUNT.unpack_from(self._memory)[0]
            values = _BODY.unpack_from(self._memory, _COUNT.size)
            if before == _COUNT.unpack_from(self._memory)[0] and before % 2 == 0:
                return _state(values) if before else None
        return None

    def close(self) -> None:
        """Give the memory back."""
        self._memory.close()


def _state(values: tuple) -> State:
    mode, sequence, lost, cycles, writes, skipped, length = values[:7]
    scalars, vectors = values[7:14], []
    at = 14
    for size in (7, 6, 3, 3, 6, 6, 6, 7):
        vectors.append(values[at : at + size])
        at += size
    return State(
        Mode(mode),
        values[-1][:length].decode(errors="ignore"),
        sequence,
        lost,
        cycles,
        writes,
        skipped,
        *scalars,
        *vectors,
    )
