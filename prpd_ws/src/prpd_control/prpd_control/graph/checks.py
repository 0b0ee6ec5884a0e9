"""What is found before anything starts, and would fail later: policy, cell, batch, folders, programs."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from prpd_control.graph.description import Options, TrialOptions
from prpd_control.resources import program
from prpd_task.errors import UserError

if TYPE_CHECKING:
    from prpd_control.trials.batch import Batch


def refuse_impossible(options: Options) -> None:
    """Raise if the graph cannot run with these options."""
    from prpd_control.policy.runtime import Policy
    from prpd_task.bucket import BucketGeometry
    from prpd_task.cell import Cell

    Policy.load(options.policy_path, bucket=BucketGeometry())
    if options.cell:
        Cell.load(options.cell)
    if options.record:
        Path(options.record).mkdir(parents=True, exist_ok=True)
    if options.extrinsics == "tf" and find_spec("tf2_ros") is None:
        raise UserError(
            "extrinsics from TF need tf2_ros, which the Python wheels of ROS lack: `sudo apt-get install "
            "ros-jazzy-tf2-ros-py`, source /opt/ros/jazzy/setup.bash and start again; or let `cell` say it"
        )
    for name in ("robot_state_publisher", "rviz2") if options.rviz else ():
        if program(name, name) is None:
            package = f"ros-jazzy-{name.replace('_', '-')}"
            raise UserError(
                f"rviz needs {name}, which no sourced ROS 2 has: `sudo apt-get install {package}`, source "
                "/opt/ros/jazzy/setup.bash and start again; or take the viewer, which shows more and needs no ROS"
            )


def refuse_impossible_batch(options: TrialOptions) -> Batch:
    """The same for the batch file and every policy in it; the batch that was read."""
    from prpd_control.trials.batch import load
    from prpd_control.trials.node import known_environments

    batch = load(options.batch_path, known_environments=known_environments(twin=options.twin))
    refuse_impossible_policies(options, batch)
    return batch


def refuse_impossible_policies(options: TrialOptions, batch: Batch) -> None:
    """The same for a batch that came from no file."""
    for policy in batch.policies:
        refuse_impossible(replace(options, policy=policy or options.policy))
