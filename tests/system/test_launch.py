"""The launch files under ROS 2's own `launch`, where that is installed (a system's ROS 2 has it, the wheels do not)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from prpd_control.graph.description import Options, excavation
from prpd_control.graph.locks import TakenError
from prpd_control.graph.reservation import reserve

pytest.importorskip("launch_ros", reason="the launch packages of ROS 2 are not on any package registry")
pytestmark = pytest.mark.system

LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
service = LaunchService()
arguments = [tuple(a.split(":=")) for a in sys.argv[2:]]
file = IncludeLaunchDescription(sys.argv[1], launch_arguments=arguments)
service.include_launch_description(LaunchDescription([file]))
sys.exit(service.run())
"""
FOLDER = Path(__file__).parents[2] / "launch"
DOMAIN = "56"


@pytest.fixture
def launch(monkeypatch):
    """Starts a launch file in a domain of its own; nothing of it outlives the test."""
    monkeypatch.setenv("ROS_DOMAIN_ID", DOMAIN)
    started = []

    def start(name, *arguments):
        command = [sys.executable, "-u", "-c", LAUNCH, str(FOLDER / f"{name}.launch.py"), *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        output = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def read_until(process, text):
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    pytest.fail(f"{text!r} did not come:\n{''.join(lines)}")


def test_prpd_beside_a_launch_file_is_refused_and_all_nodes_die_with_the_launch(launch):
    process = launch("twin", "engine:=warp")
    read_until(process, "ur_controller is ready")
    with pytest.raises(TakenError, match=f"of ROS domain {DOMAIN} is held by process {process.pid}"):
        reserve(Options(twin=True), excavation)
    nodes = psutil.Process(process.pid).children(recursive=True)
    assert len(nodes) >= 3
    process.send_signal(signal.SIGKILL)
    _, alive = psutil.wait_procs(nodes, timeout=10)
    assert not alive
    reserve(Options(twin=True), excavation).release()


def test_ctrl_c_ends_the_launch_and_its_nodes(launch):
    process = launch("twin", "engine:=warp")
    read_until(process, "ur_controller is ready")
    nodes = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    _, alive = psutil.wait_procs(nodes, timeout=5)
    assert not alive


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("excavate", [], "no robot: give robot_ip"),
        ("excavate", ["twin:=yes"], "twin must be true or false, not 'yes'"),
        ("excavate", ["twin:=true", "policy:=/nowhere.onnx"], "there is no policy file /nowhere.onnx"),
    ],
)
def test_wrong_arguments_are_named(launch, name, arguments, message):
    process = launch(name, *arguments)
    started = time.monotonic()
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0, said
    assert message in said
    assert "process started" not in said, f"{time.monotonic() - started:.1f} s"
