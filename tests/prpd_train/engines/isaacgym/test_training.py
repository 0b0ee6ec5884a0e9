"""How runs start this engine."""

from __future__ import annotations

import pytest

from prpd_train.env.config import EnvConfig
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.folder import RunFolder
from prpd_train.runs.train import train
from prpd_train.schedule.config import ScheduleConfig


@pytest.mark.parametrize(
    ("engine", "expected"),
    [("isaacgym", ["prpd_train.engines.isaacgym", "prpd_train.runs.stage"]), ("physx", ["prpd_train.runs.stage"])],
)
def test_a_stage_is_started_with_isaac_gym_first(tmp_path, engine, expected):
    config = TrainConfig(env=EnvConfig(engine=engine), schedule=ScheduleConfig(mode="list", deltas=(0.07,)))
    folder = RunFolder.create(tmp_path / "run", config, {})
    started = []

    def run(module, arguments):
        started.append([module, *arguments])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(folder, run=run)
    assert started == [[*expected, str(folder.path), "0", "0.07"]]


def test_probing_several_grain_sizes_in_one_process_is_refused():
    with pytest.raises(ValueError, match="which Isaac Gym cannot do"):
        TrainConfig(env=EnvConfig(engine="isaacgym"), schedule=ScheduleConfig(mode="auto"))
