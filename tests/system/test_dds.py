"""What killed processes leave in shared memory, and that a start cleans it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prpd_control.graph import dds

pytestmark = pytest.mark.system
TALKER = """
import rclpy
from rclpy.node import Node
from std_msgs.msg import String
rclpy.init()
node = Node("talker")
publisher = node.create_publisher(String, "chatter", 1)
publisher.publish(String(data="x"))
print("up", flush=True)
rclpy.spin(node)
"""


def segments(pid):
    """Segments of shared memory that a process has mapped; those of others come and go beside it."""
    return set(re.findall(r"/dev/shm/fastrtps_\w+", Path(f"/proc/{pid}/maps").read_text()))


def existing(paths):
    return {path for path in paths if os.path.exists(path)}


@pytest.fixture
def talker():
    environment = dds.environment(int(os.environ["ROS_DOMAIN_ID"]))
    process = subprocess.Popen([sys.executable, "-c", TALKER], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout.readline() == "up\n"
    process.own = segments(process.pid)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    dds.clean_shared_memory()


def test_what_a_killed_process_left_is_removed_and_what_lives_stays(talker):
    assert talker.own, "the profile sends through shared memory"
    dds.clean_shared_memory()
    assert existing(talker.own) == talker.own, "it lives"
    talker.send_signal(signal.SIGKILL)
    talker.wait()
    assert existing(talker.own), "a kill leaves litter"
    said = dds.clean_shared_memory()
    assert not existing(talker.own), said
    assert "segments cleaned" in said


def test_without_the_tool_it_is_said(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "no `fastdds` command" in dds.clean_shared_memory()
