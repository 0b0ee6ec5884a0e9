"""The command line of learning, as a user has it: real processes, the real engine, a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from prpd_train.cli import evaluate, export, inspect

pytestmark = pytest.mark.patient
ROOT = Path(__file__).parents[2]
PACKAGES = os.pathsep.join(str(ROOT / "prpd_ws" / "src" / name) for name in ("prpd_task", "prpd_train"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([PACKAGES, os.environ.get("PYTHONPATH", "")])}


def command(name, *arguments):
    program = f"import sys; from prpd_train.cli.{name} import main; sys.exit(main(sys.argv[1:]))"
    return [sys.executable, "-c", program, *map(str, arguments)]


def prpd(name, *arguments, check=True):
    done = subprocess.run(command(name, *arguments), env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
    if check:
        assert done.returncode == 0, done.stdout + done.stderr
    return done


TINY = ("--preset", "smoke", "--quiet", "--env.scenes", "2", "--num-envs", "4", "--schedule.window", "2")
TINY += ("--env.task.max-steps", "20")


def trainer_in_first_stage(run, *options):
    """A running trainer, whose first stage has a checkpoint."""
    trainer = subprocess.Popen(command("train", *TINY, *options, "--out", run), env=ENVIRONMENT, start_new_session=True)
    checkpoint = run / "stages" / "00_070mm" / "checkpoint.pt"
    deadline = time.monotonic() + 200
    while not checkpoint.exists():
        assert trainer.poll() is None and time.monotonic() < deadline, "no first iteration"
        time.sleep(0.02)
    return trainer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_outlives_a_killed_trainer(processes, number, tmp_path):
    trainer = trainer_in_first_stage(
        tmp_path / "run", "--processes", processes, "--schedule.max-iterations", 10_000, "--schedule.patience", 0
    )
    started = psutil.Process(trainer.pid).children(recursive=True)
    assert sum("prpd_train.runs.stage" in process.cmdline() for process in started) >= processes
    trainer.send_signal(number)
    assert trainer.wait(timeout=5) == -number
    _, alive = psutil.wait_procs(started, timeout=5)
    lines = [" ".join(process.cmdline()) for process in alive]
    for process in alive:
        process.kill()
    assert not lines, "\n".join(["went on without the trainer:", *lines])


def test_train_kill_resume_export_inspect_evaluate(tmp_path, capsys):
    run = tmp_path / "run"
    trainer = trainer_in_first_stage(run)
    os.killpg(trainer.pid, signal.SIGKILL)
    trainer.wait()

    assert "--resume" in prpd("train", *TINY, "--out", run, check=False).stderr, "the folder is not taken over silently"
    resumed = prpd("train", "--resume", run, "--quiet")
    assert "stage 0:" in resumed.stdout and "stage 1:" in resumed.stdout
    results = [json.loads(file.read_text()) for file in sorted(run.glob("stages/*/result.json"))]
    assert [result["iterations"] for result in results] == [3, 3]
    assert len(list(run.glob("stages/*/episode.gif"))) == 2, resumed.stderr

    policy = tmp_path / "policy.onnx"
    assert export.main([str(run), "--out", str(policy)]) == 0
    assert "10,000 states" in capsys.readouterr().out
    assert inspect.main([str(policy)]) == 0
    text = capsys.readouterr().out
    assert "bucket_pitch" in text and "increment_x" in text and "engine: warp" in text

    table = tmp_path / "table.csv"
    few = ("--deltas", "70", "--episodes", "4", "--num-envs", "4")
    assert evaluate.main([str(policy), *few, "--csv", str(table)]) == 0
    header, row = table.read_text().splitlines()
    values = dict(zip(header.split(","), row.split(",")))
    assert values["episodes"] == "4" and 0 <= float(values["low"]) <= float(values["success"]) <= float(values["high"])
    assert np.isfinite(float(values["peak_force"]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--preset", "fast"), "smoke"),
        (("--schedule.first", "0.01", "--schedule.last", "0.07"), "coarse to fine"),
        (("--resume", "/nowhere"), "no run"),
    ],
)
def test_bad_input_is_named(arguments, message, tmp_path):
    done = prpd("train", *arguments, check=False)
    assert done.returncode != 0
    assert message in done.stderr
    assert not list(tmp_path.iterdir())
