"""The excavation graph as real processes: emulated controller, driver, simulated soil, policy; over DDS and RTDE.

Perception is replaced by the soil's truth here; the tests of the demo run the whole graph.
"""

import io
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack

import pytest
import scripted_policy

from prpd_control.graph import description
from prpd_control.graph.description import Options, Process
from prpd_control.graph.launcher import running
from prpd_control.graph.reservation import reserve
from prpd_task.bucket import BucketGeometry
from prpd_task.spec import TaskSpec

pytestmark = pytest.mark.system
HERE = os.path.dirname(__file__)


def with_truthful_perception(processes):
    """The graph with the truth in the place of camera and perception."""
    truth = Process("rock_state", "prpd_tests", "rock_state", "truthful_perception:main", {})
    kept = [p for p in processes if p.name not in ("depth_camera", "rock_state", "bring_up")]
    return [*kept, truth, description.bring_up(kept, patience=30.0)]


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return scripted_policy.write(tmp_path_factory.mktemp("policy") / "scripted.onnx")


@pytest.fixture(scope="module")
def graph(policy):
    """A running graph on an address and a domain of its own."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.delenv("ROS_DOMAIN_ID", raising=False)
        patch.setenv("PYTHONPATH", os.pathsep.join([HERE, *sys.path]))
        options = Options(twin=True, policy=str(policy), engine="warp")
        place = stack.enter_context(reserve(options, description.excavation, own_domain=True))
        log = io.StringIO()
        processes = with_truthful_perception(description.excavation(place.options))
        supervisor = stack.enter_context(running(processes, domain=place.domain, output=log))
        supervisor.log = log
        deadline = time.monotonic() + 90
        while "bring_up" in supervisor.pids and time.monotonic() < deadline:
            time.sleep(0.1)
        assert supervisor.ending() is None, supervisor.ending().message + log.getvalue()
        yield supervisor
        pids = list(supervisor.pids.values())
        assert supervisor.stop() == []
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)


def dig(graph, **goal):
    from prpd_control.excavate.client import excavate_once

    result = excavate_once(hold=True, give_up=lambda: graph.ending() is not None, **goal)
    assert result is not None, graph.log.getvalue()[-3000:]
    return result


def test_the_rock_is_dug_out(graph):
    result = dig(graph)
    assert result.reason == "lifted", result.message + graph.log.getvalue()[-3000:]
    assert result.outcome == result.OUTCOME_SUCCESS
    assert 10 <= result.steps <= 128
    assert 5 < result.peak_force < 80
    assert result.rock.in_bucket == 1.0


def test_a_goal_with_an_unusable_policy_is_refused_and_the_graph_lives(graph, tmp_path):
    from prpd_control.excavate.client import GoalRefusedError

    with pytest.raises(GoalRefusedError, match="refused"):
        dig(graph, policy=str(tmp_path / "nowhere.onnx"))
    assert "there is no policy file" in graph.log.getvalue()
    assert graph.ending() is None


def prpd(*arguments, timeout=60, **environment):
    """Run a sub-command as `prpd` does."""
    code = "import sys, importlib; from prpd_task.cli import run;" + (
        f"sys.exit(run(lambda: importlib.import_module('prpd_control.cli.{arguments[0]}').main(sys.argv[1:])))"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments[1:]],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([HERE, *sys.path]), **environment},
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


def test_ctrl_c_ends_all_processes(policy):
    code = "import sys; from prpd_control.cli.excavate import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--twin", "--policy", str(policy), "--engine", "warp", "--robot-ip", "127.0.0.57"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ROS_DOMAIN_ID": "57"},
    )
    for line in process.stdout:
        if "ur_controller is ready" in line:
            break
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    assert len(children) == 7
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait(timeout=30) == 0
    assert not any(os.path.exists(f"/proc/{pid}") for pid in children)
