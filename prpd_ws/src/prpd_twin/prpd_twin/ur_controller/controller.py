"""The robot without its ports: arm, program, safety, inputs and outputs. One call of `cycle` is 2 ms of its life."""

from __future__ import annotations

import logging
import math
from collections import deque
from typing import Any, Deque, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from prpd_twin.ur_controller.arm import Arm
from prpd_twin.ur_controller.config import RobotConfig
from prpd_twin.ur_controller.control_script import ControlScript
from prpd_twin.ur_controller.force import ForceSensor
from prpd_twin.ur_controller.kinematics import ArmModel, pose_from_ur
from prpd_twin.ur_controller.other_script import OtherScript
from prpd_twin.ur_controller.outputs import OutputState, write_outputs
from prpd_twin.ur_controller.safety import UNLOCK_DELAY, RobotMode, RuntimeState, SafetyMode
from prpd_twin.ur_controller.upload import Upload
from prpd_twin.ur_controller.urscript import MotionError, ScriptError
from prpd_twin.ur_controller.variables import Inputs

PERIOD = 0.002
"""s, of an e-Series controller."""


class DigitalBank(NamedTuple):
    """Outputs that are written together: by which variable, and where they are among all output bits."""

    value_name: str
    shift: int


DIGITAL_BANKS = {
    "standard_digital_output_mask": DigitalBank("standard_digital_output", 0),
    "configurable_digital_output_mask": DigitalBank("configurable_digital_output", 8),
    "tool_digital_output_mask": DigitalBank("tool_digital_output", 16),
}


class Controller:
    """The state of one robot controller, and what may be asked of it from outside."""

    def __init__(self, model: ArmModel, config: RobotConfig) -> None:
        self.config = config
        self.arm = Arm(
            model,
            np.array(config.joints),
            period=PERIOD,
            tracking_lag=config.tracking_lag,
            stop_deceleration=config.stop_deceleration,
        )
        self.arm.model.tcp = pose_from_ur(config.tcp)
        self._lowest, self._highest = model.position_low.tolist(), model.position_high.tolist()
        self.inputs = Inputs()
        self.force = ForceSensor(config.tool, noise=config.force_noise, seed=config.seed)
        self.force.set_payload(config.tool.mass, config.tool.cog)
        self.outputs: Dict[str, Any] = OutputState.initial()
        self.cycles = 0
        self.robot_mode = RobotMode.RUNNING if config.powered else RobotMode.POWER_OFF
        self.safety_mode = SafetyMode.NORMAL
        self.runtime = RuntimeState.STOPPED
        self.remote_control = config.remote_control
        self.loaded = ""
        self.stopped_because = ""
        self.packages = 0
        """Data packages that came from clients."""
        self._log = logging.getLogger("ur_controller")
        self._program: Optional[Any] = None
        self._program_name = ""
        self._starting: Optional[Tuple[int, Upload]] = None
        self._watch: Optional[Tuple[str, float]] = None
        self._watched_at = 0.0
        self._protective_since = -UNLOCK_DELAY
        self._over_force = 0
        self._contact = 0
        self._history: Deque[np.ndarray] = deque([self.arm.actual] * 500, maxlen=500)
        write_outputs(self)

    @property
    def time(self) -> float:
        """S since the controller started."""
        return self.cycles * PERIOD

    @property
    def program_name(self) -> str:
        """Of the running or last program."""
        return self._program_name

    def cycle(self) -> None:
        """Let one period pass."""
        self.cycles += 1
        self._check_watch()
        if self._starting and self.cycles >= self._starting[0]:
            self._begin(self._starting[1])
        if self.runtime == RuntimeState.PLAYING and self.safety_mode == SafetyMode.NORMAL:
            self._step_program()
        self.arm.cycle()
        self._history.append(self.arm.actual)
        model = self.arm.model
        self.force.cycle(model.flange(self.arm.actual), model.forward(self.arm.actual).translation, self.time)
        write_outputs(self)
        self._check_safety()

    # -- programs --

    def _step_program(self) -> None:
        try:
            if self._program is None or not self._program.cycle():
                self.stop_program("the program ended")
        except (ScriptError, ValueError) as error:
            self.stop_program(f"runtime error: {error}")
        except MotionError as error:
            self.protective_stop(str(error))

    def start_program(self, upload: Upload) -> bool:
        """Begin a program soon, in place of a running one; False where the robot does not take it."""
        if not self.remote_control:
            self.log("a program was sent but the robot is in local control: refused")
            return False
        if self.robot_mode != RobotMode.RUNNING or self.safety_mode != SafetyMode.NORMAL:
            self.log(f"a program was sent but the robot is {self.robot_mode.name}, {self.safety_mode.name}: refused")
            return False
        self.stop_program("another program was sent")
        self._starting = (self.cycles + round(self.config.start_delay / PERIOD), upload)
        return True

    def _begin(self, upload: Upload) -> None:
        self._starting = None
        self._program_name = upload.name
        self._program = ControlScript(self, upload) if upload.is_control_script else OtherScript(self)
        self.runtime = RuntimeState.PLAYING
        self.stopped_because = ""
        self.log(f"program {upload.name} runs")

    def stop_program(self, reason: str) -> None:
        """End the running program, if any; the arm brakes."""
        self._watch = None
        self._starting = None
        if self._program is not None:
            self.log(f"program {self._program_name} stopped: {reason}")
            self.stopped_because = reason
        self._program = None
        self.runtime = RuntimeState.STOPPED

    def pause(self) -> bool:
        """Pause the program; False where none plays."""
        if self.runtime != RuntimeState.PLAYING:
            return False
        self.runtime = RuntimeState.PAUSED
        return True

    def play(self) -> bool:
        """Resume a paused program, or start the loaded one; False where that is not possible."""
        if self.safety_mode != SafetyMode.NORMAL or self.robot_mode != RobotMode.RUNNING or not self.remote_control:
            return False
        if self.runtime == RuntimeState.PAUSED:
            self.runtime = RuntimeState.PLAYING
            return True
        return bool(self.loaded) and self.start_program(Upload(self.loaded, is_control_script=False))

    # -- power and safety --

    def power(self, on: bool) -> None:
        """Power the arm on (brakes still locked) or off."""
        if not on:
            self.stop_program("the arm was powered off")
            self.robot_mode = RobotMode.POWER_OFF
        elif self.robot_mode == RobotMode.POWER_OFF and self.safety_mode == SafetyMode.NORMAL:
            self.robot_mode = RobotMode.IDLE

    def release_brakes(self) -> None:
        """Make the arm ready to move."""
        if self.robot_mode == RobotMode.IDLE:
            self.robot_mode = RobotMode.RUNNING

    def protective_stop(self, reason: str) -> None:
        """Stop the arm and pause the program until a person unlocks it."""
        if self.safety_mode != SafetyMode.NORMAL:
            return
        self.log(f"protective stop: {reason}")
        self.stopped_because = reason
        self.safety_mode = SafetyMode.PROTECTIVE_STOP
        self._protective_since = self.time
        if self.runtime == RuntimeState.PLAYING:
            self.runtime = RuntimeState.PAUSED

    def unlock_protective_stop(self, *, at_once: bool = False) -> bool:
        """End a protective stop; refused in its first seconds, unless `at_once`."""
        if self.safety_mode == SafetyMode.PROTECTIVE_STOP:
            if self.time - self._protective_since < UNLOCK_DELAY and not at_once:
                return False
            self.safety_mode = SafetyMode.NORMAL
        return True

    def emergency_stop(self, pressed: bool) -> None:
        """Press the pendant's red button, or turn it back; the arm is off after that."""
        if pressed:
            self.stop_program("the emergency stop was pressed")
            self.safety_mode = SafetyMode.ROBOT_EMERGENCY_STOP
        elif self.safety_mode == SafetyMode.ROBOT_EMERGENCY_STOP:
            self.safety_mode = SafetyMode.NORMAL
            self.robot_mode = RobotMode.POWER_OFF

    def _check_safety(self) -> None:
        arm, limits, out = self.arm, self.config.limits, self.outputs
        if self.safety_mode == SafetyMode.ROBOT_EMERGENCY_STOP and arm.steady:
            self.robot_mode = RobotMode.POWER_OFF
        force = math.hypot(*out["ft_raw_wrench"][:3])
        self._over_force = self._over_force + 1 if force > limits.tcp_force else 0
        self._contact = self._contact + 1 if force > 5.0 else 0
        reason = limits.violation(
            speeds=out["target_qd"],
            accelerations=out["target_qdd"],
            inside=self.within_limits(out["target_q"]),
            tcp_speed=math.hypot(*out["target_TCP_speed"][:3]),
            force=force if self._over_force * PERIOD > limits.force_time else 0.0,
        )
        if reason:
            self.protective_stop(reason)

    # -- what programs ask (see host.Host) --

    def log(self, text: str) -> None:
        """A line with the controller's time."""
        self._log.info("%9.3f  %s", self.time, text)

    def set_payload(self, mass: float, cog: Optional[Sequence[float]]) -> None:
        """Kg and m in the flange's frame."""
        self.force.set_payload(mass, cog)

    def zero_force(self) -> None:
        """Take the present force reading for zero."""
        self.force.zero()

    def watch(self, variable: str, frequency: float) -> None:
        """Stop the program when no packet with `variable` has come for 1 / frequency s; 0 ends the watch."""
        self._watch = (variable, 1 / frequency) if frequency > 0 else None
        self._watched_at = self.time

    def excuse(self, seconds: float) -> None:
        """Do not count so much time against a client that is watched: the controller itself was not there."""
        self._watched_at += seconds

    def _check_watch(self) -> None:
        if self._watch and self.runtime == RuntimeState.PLAYING and self.time - self._watched_at > self._watch[1]:
            variable, timeout = self._watch
            self.stop_program(f"watchdog: no {variable} for {timeout:.3f} s")

    def within_limits(self, joints: Sequence[float]) -> bool:
        """Whether joint angles are within their ranges."""
        return all(low <= joint <= high for low, joint, high in zip(self._lowest, joints, self._highest))

    def contact_steps(self, direction: np.ndarray) -> int:
        """Cycles since something pushes against a TCP speed of this direction (zeros: any), 0 without contact."""
        along = float(np.dot(direction[:3], self.force.reading[:3]))
        return self._contact if not direction.any() or along < 0 else 0

    def joint_history(self, steps: int) -> np.ndarray:
        """(6,) rad, actual joint angles so many cycles ago (at most 1 s)."""
        return self._history[-1 - min(max(steps, 0), len(self._history) - 1)]

    def joint_torques(self) -> np.ndarray:
        """(6,) N m that the joints exert against forces from outside."""
        return -self.arm.model.jacobian(self.arm.actual).T @ self.force.unzeroed

    # -- what clients send --

    def receive(self, values: Mapping[str, Any]) -> None:
        """One data package of a client."""
        self.packages += 1
        self.inputs.values.update(values)
        if self._watch and self._watch[0] in values:
            self._watched_at = self.time
        if values.get("speed_slider_mask"):
            self.arm.speed_fraction = min(max(float(self.inputs.values["speed_slider_fraction"]), 0.0), 1.0)
        for mask_name, bank in DIGITAL_BANKS.items():
            if mask_name in values:
                mask = int(values[mask_name]) << bank.shift
                wanted = int(self.inputs.values[bank.value_name]) << bank.shift
                bits = self.outputs["actual_digital_output_bits"]
                self.outputs["actual_digital_output_bits"] = (bits & ~mask) | (wanted & mask)
