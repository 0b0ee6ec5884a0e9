"""Several processes learn one network: by torchrun, as on several GPUs, here on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from prpd_train.ppo.config import NetworkConfig
from prpd_train.ppo.network import ActorCritic

pytestmark = pytest.mark.patient
ROOT = Path(__file__).parents[2]
PACKAGES = os.pathsep.join(str(ROOT / "prpd_ws" / "src" / name) for name in ("prpd_task", "prpd_train"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([PACKAGES, os.environ.get("PYTHONPATH", "")])}


def run(*command):
    done = subprocess.run(
        [sys.executable, *map(str, command)], env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_two_processes_compute_what_one_would(tmp_path):
    worker = Path(__file__).with_name("distributed_worker.py")
    run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, worker, tmp_path)
    first, second = (torch.load(tmp_path / f"rank_{rank}.pt", weights_only=True) for rank in range(2))
    assert first["size"] == 2 and first["mean"] == second["mean"] == 0.5
    assert torch.equal(first["gathered"], first["everything"]) and torch.equal(second["gathered"], first["everything"])
    assert all(torch.equal(first["parameters"][name], second["parameters"][name]) for name in first["parameters"])
    torch.manual_seed(0)
    alone = ActorCritic(3, 3, 2, NetworkConfig(hidden=(8,)))
    alone.value(first["everything"]).square().mean().backward()
    for together, expected in zip(first["gradients"], alone.critic.parameters()):
        torch.testing.assert_close(together, expected.grad)
    assert all(torch.equal(a, b) for a, b in zip(first["gradients"], second["gradients"]))


def test_a_run_in_two_processes(tmp_path):
    program = "import sys; from prpd_train.cli.train import main; sys.exit(main(sys.argv[1:]))"
    options = (
        "--preset smoke --quiet --processes 2 --num-envs 4 --env.scenes 2 --schedule.window 2 --schedule.deltas 0.07 "
        "--env.task.max-steps 20"
    )
    run("-c", program, *options.split(), "--out", tmp_path / "run")
    (result,) = [json.loads(file.read_text()) for file in tmp_path.glob("run/stages/*/result.json")]
    assert result["samples"] == 3 * 16 * 4, "the samples of both count"
    assert len((tmp_path / "run" / "metrics.csv").read_text().splitlines()) == 4, "only one of them writes"
