"""What cannot be is refused with a reason, and leaves nothing behind. No matter how busy the machine is."""

import os
import socket
import subprocess
import sys

import pytest
import scripted_policy

from prpd_control.graph import description
from prpd_control.graph.description import Options
from prpd_control.graph.reservation import reserve
from prpd_task.bucket import BucketGeometry
from prpd_task.spec import TaskSpec

pytestmark = pytest.mark.patient


def prpd(*arguments, timeout=60, **environment):
    command = [sys.executable, "-m", "prpd_task.cli", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env={**os.environ, **environment}, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("excavate",), "no robot: give robot_ip"),
        (("excavate", "--twin", "--policy", "/nowhere.onnx"), "there is no policy file /nowhere.onnx"),
        (("trials", "--twin", "--batch", "/nowhere.yaml"), "/nowhere.yaml cannot be read"),
        (("demo", "--environments", "cube_mud"), "unknown environments cube_mud; known are cube_deep"),
        (("report", "--ledger", "/nowhere"), "there is no ledger /nowhere"),
    ],
)
def test_what_cannot_be_is_said_before_anything_starts(arguments, message):
    run = prpd(*arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_a_policy_of_another_contract_is_refused_before_anything_starts(tmp_path):
    other = scripted_policy.write(tmp_path / "other.onnx", TaskSpec(bucket=BucketGeometry(width=0.3)))
    run = prpd("excavate", "--twin", "--policy", str(other))
    assert run.returncode == 2
    assert "the policy was trained with bucket" in run.stderr
    assert "width=0.3" in run.stderr


@pytest.mark.parametrize("domain", ["abc", "1000"])
def test_a_wrong_ros_domain_is_named(policy, domain):
    run = prpd("excavate", "--twin", "--policy", str(policy), ROS_DOMAIN_ID=domain)
    assert run.returncode == 2
    assert f"ROS_DOMAIN_ID={domain} is no ROS domain" in run.stderr


def test_a_port_of_the_twin_in_use_ends_it_with_the_reason(policy):
    with socket.socket() as taken:
        taken.bind(("127.0.0.55", 30004))
        taken.listen()
        command = ["excavate", "--twin", "--robot-ip", "127.0.0.55", "--policy", str(policy), "--engine", "warp"]
        run = prpd(*command, ROS_DOMAIN_ID="55")
    assert run.returncode == 1
    assert "ur_controller ended with status 1" in run.stderr
    assert "cannot listen on 127.0.0.55" in run.stderr
    assert "Traceback" not in run.stderr + run.stdout


def test_a_second_instance_in_the_same_domain_is_refused(policy, monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "59")
    with reserve(Options(twin=True), description.excavation):  # as a launch file does
        run = prpd("excavate", "--twin", "--policy", str(policy))
    assert run.returncode == 2
    assert f"of ROS domain 59 is held by process {os.getpid()}; end that one, or set ROS_DOMAIN_ID" in run.stderr


def test_an_absent_robot_ends_it_with_the_reason(policy, tmp_path):
    cell = tmp_path / "cell.yaml"
    cell.write_text("intrinsics: {width: 640}\n")
    arguments = ["excavate", "--robot-ip", "127.0.0.254", "--cell", str(cell), "--policy", str(policy)]
    run = prpd(*arguments, ROS_DOMAIN_ID="58", timeout=110)
    assert run.returncode == 1
    assert "bucket_driver did not activate" in run.stdout + run.stderr
    assert "127.0.0.254" in run.stdout
    assert "all other processes were stopped" in run.stderr
