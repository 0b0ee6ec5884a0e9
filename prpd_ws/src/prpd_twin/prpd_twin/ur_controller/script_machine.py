"""The frame of `ur_rtde`'s control script: registers, threads, and the main loop with its handshake."""

from __future__ import annotations

import math
from typing import Callable, Dict, Optional, Sequence, Union

import numpy as np
import pinocchio as pin

from prpd_twin.ur_controller.host import Host
from prpd_twin.ur_controller.kinematics import pose_from_ur
from prpd_twin.ur_controller.urscript import Motions, ScriptError, Steps

READY, DONE = 1, 2
"""What the script writes for its client in output integer register 0."""
REAL_TIME = frozenset({6, 9, 10, 11, 24, 25, 26, 27, 38, 58})
"""Commands that are carried out in each cycle in which the register holds them, and that are never `done`."""
STOP_SCRIPT = 255
CONTACT = 254
"""What the contact thread asks of the main loop, while no command is there."""


class ScriptMachine:
    """One run of the script. `cycle` is called every controller period until it returns False."""

    def __init__(self, host: Host, *, int_offset: int, float_offset: int) -> None:
        self.host = host
        self.arm = host.arm
        self.motions = Motions(host.arm)
        self.threads: Dict[str, Steps] = {}
        self.internal_command = 0
        self._int = [f"input_int_register_{i + int_offset}" for i in range(24)]
        self._double = [f"input_double_register_{i + float_offset}" for i in range(24)]
        self._out_int = [f"output_int_register_{i + int_offset}" for i in range(24)]
        self._out_double = [f"output_double_register_{i + float_offset}" for i in range(24)]
        self._async_writes = 0
        self._async_operation = 0
        self._main = self._main_loop()

    def start(self, code: int) -> Optional[Steps]:
        """Carry out a command; what takes time is returned as a generator."""
        raise NotImplementedError

    def cycle(self) -> bool:
        """One period of all threads; False when the script has ended. Raises ScriptError and MotionError."""
        self.motions.new_cycle()
        try:
            next(self._main)
        except StopIteration:
            return False
        for name, thread in list(self.threads.items()):
            if self.threads.get(name) is not thread:
                continue
            try:
                next(thread)
            except StopIteration:
                if self.threads.get(name) is thread:
                    del self.threads[name]
        return True

    def _main_loop(self) -> Steps:
        self.progress(-1)
        self._status(READY)
        executed = False
        while True:
            code = self._command()
            if code in REAL_TIME:
                self.start(code)
                self._status(READY)
            elif code == 0:
                executed = False
                self._status(READY)
            elif code == STOP_SCRIPT:
                return
            elif not executed:
                steps = self.start(code)
                if steps is not None:
                    yield from steps
                self._status(DONE)
                executed = True
            yield

    def _command(self) -> int:
        code = self.integer(0)
        if code == 0:
            code, self.internal_command = self.internal_command, 0
        return code

    # -- registers --

    @property
    def command_register(self) -> str:
        """Name of the input variable that carries the commands."""
        return self._int[0]

    def read(self, first: int, count: int = 6) -> np.ndarray:
        """Input double registers; what is no number ends the program."""
        values = [self.host.inputs.values[name] for name in self._double[first : first + count]]
        if not math.isfinite(sum(values)):
            raise ScriptError(f"arguments must be finite numbers, not {values}")
        return np.array(values)

    def number(self, index: int) -> float:
        """An input double register."""
        return float(self.host.inputs.values[self._double[index]])

    def integer(self, index: int) -> int:
        """An input integer register."""
        return int(self.host.inputs.values[self._int[index]])

    def pose(self, first: int) -> pin.SE3:
        """A UR pose in six input double registers."""
        return pose_from_ur(self.read(first))

    def answer(self, values: Union[Sequence[float], np.ndarray]) -> None:
        """Write output double registers from 0 on."""
        for name, value in zip(self._out_double, values):
            self.host.outputs[name] = float(value)

    def answer_integer(self, value: int) -> None:
        """Write the output integer register for results."""
        self.host.outputs[self._out_int[1]] = int(value)

    def _status(self, value: int) -> None:
        self.host.outputs[self._out_int[0]] = value

    def progress(self, value: int) -> None:
        """The word that tells how far an asynchronous operation is; negative is finished, 0 a new start."""
        self._async_writes = (self._async_writes + 1) % 128
        if value == 0:
            self._async_operation = (self._async_operation + 1) % 128
        word = (self._async_writes << 16) | (self._async_operation << 24)
        if value >= 0:
            word |= min(value, 32767) | 0x8000
        self.host.outputs[self._out_int[2]] = word

    # -- threads --

    def run_once(self, name: str, steps: Callable[[], Steps]) -> None:
        """Start a thread unless it runs."""
        if name not in self.threads:
            self.threads[name] = steps()

    def operation(self, steps: Steps) -> Steps:
        """A thread's steps, announced as an asynchronous operation."""
        self.progress(0)
        yield from steps
        self.progress(-1)

    def end_operation(self, name: str) -> bool:
        """Kill the thread of an asynchronous operation; False where it does not run."""
        if self.threads.pop(name, None) is None:
            return False
        self.progress(-1)
        return True
