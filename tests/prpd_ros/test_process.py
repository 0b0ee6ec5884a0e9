"""How a node's process ends: at once, quietly, with status 0, whatever it was doing."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys, time
from rclpy.node import Node
from prpd_ros.process import spin

class Slow(Node):
    def __init__(self):
        super().__init__("slow")
        print("making", flush=True)
        time.sleep(float(sys.argv[1]))
        print("made", flush=True)

sys.exit(spin(Slow))
"""


@pytest.mark.system
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("seconds", "word"), [("60", "making"), ("0", "made")])
def test_a_signal_ends_a_node_that_is_made_and_one_that_spins(sign, seconds, word):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, seconds], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.stdout.readline().strip() != word:
        assert process.poll() is None
    start = time.monotonic()
    process.send_signal(sign)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert err == ""
    assert time.monotonic() - start < 15
