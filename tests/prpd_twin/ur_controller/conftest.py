"""A controller without ports, and a client that talks to it through registers only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from prpd_task.description import robot_description
from prpd_twin.ur_controller.config import RobotConfig
from prpd_twin.ur_controller.controller import PERIOD, Controller
from prpd_twin.ur_controller.kinematics import ArmModel
from prpd_twin.ur_controller.safety import RuntimeState
from prpd_twin.ur_controller.upload import Upload


@pytest.fixture(scope="session")
def urdf() -> str:
    return robot_description(maker=False)


@pytest.fixture
def model(urdf: str) -> ArmModel:
    return ArmModel(urdf)


class Bench:
    """A controller whose clock the test turns."""

    def __init__(self, urdf: str, **config: object) -> None:
        quiet = replace(RobotConfig(), force_noise=0.0)
        self.robot = Controller(ArmModel(urdf), replace(quiet, **config))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / PERIOD)):
            self.robot.cycle()

    def upload(self, upload: Upload = Upload("rtde_control", is_control_script=True)) -> None:  # noqa: B008
        assert self.robot.start_program(upload)
        self.run(0.05)
        assert self.robot.runtime == RuntimeState.PLAYING

    def write(self, code: int, doubles: Sequence[float] = (), ints: Sequence[int] = ()) -> None:
        values: dict = {f"input_double_register_{i}": float(v) for i, v in enumerate(doubles)}
        values.update({f"input_int_register_{i + 1}": v for i, v in enumerate(ints)})
        self.robot.receive({**values, "input_int_register_0": code})

    @property
    def status(self) -> int:
        return self.robot.outputs["output_int_register_0"]

    @property
    def answer(self) -> np.ndarray:
        return np.array([self.robot.outputs[f"output_double_register_{i}"] for i in range(6)])

    @property
    def result(self) -> int:
        return self.robot.outputs["output_int_register_1"]

    def do(self, code: int, doubles: Sequence[float] = (), ints: Sequence[int] = (), *, limit: float = 30.0) -> bool:
        """A command of the normal class, with its whole handshake; False where it was not carried out."""
        assert self.status == 1
        self.write(code, doubles, ints)
        for _ in range(round(limit / PERIOD)):
            self.robot.cycle()
            if self.status == 2 or self.robot.runtime != RuntimeState.PLAYING:
                break
        done = self.status == 2
        self.robot.receive({"input_int_register_0": 0})
        self.robot.cycle()
        return done

    @property
    def joints(self) -> np.ndarray:
        return self.robot.arm.target

    @property
    def tcp(self) -> np.ndarray:
        return np.array(self.robot.outputs["target_TCP_pose"])


@pytest.fixture
def bench(urdf: str) -> Bench:
    """A robot with the control script running."""
    bench = Bench(urdf)
    bench.upload()
    return bench


@pytest.fixture
def make_bench(urdf: str):
    return lambda **config: Bench(urdf, **config)
