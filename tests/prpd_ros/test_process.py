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


ENDING = """
import os, sys, time
from rclpy.node import Node
from prpd_ros.process import spin

class LastToGo:
    \"\"\"Goes while the interpreter ends, when no handler of Python is in force any more.\"\"\"

    def __del__(self, say=os.write, wait=time.sleep):
        say(1, b"ending\\n")
        wait(1.0)

last = LastToGo()
sys.exit(spin(lambda: Node("brief"), done=lambda node: True))
"""


@pytest.mark.system
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_interpreter_ends_does_not_make_it_a_crash(sign):
    process = subprocess.Popen(
        [sys.executable, "-c", ENDING], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ending\n"
    process.send_signal(sign)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert err == ""


BEATING = """
import sys, time
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future
from prpd_ros.process import spin

class Waiting(Node):
    \"\"\"Beats while a coroutine waits, for a second, and counts how often each of its parts comes to its turn.\"\"\"

    def __init__(self):
        super().__init__("waiting")
        self.ended, self.begun = Future(), time.monotonic()
        self.due, self.looks, self.ticks, self.done = self.begun, 0, 0, False
        self.create_guard_condition(self.wait, ReentrantCallbackGroup()).trigger()
        self.create_timer(0.02, self.tick)

    async def wait(self):
        await self.ended
        self.done = True

    def tick(self):
        self.ticks += 1

    def beat(self):
        self.looks += 1
        now = time.monotonic()
        if now - self.begun > 1.0 and not self.ended.done():
            self.ended.set_result(None)
        self.due = max(self.due, now + 0.017 - (now - self.begun) % 0.017)
        return self.due - now

    def close(self):
        print(self.looks, self.ticks)

sys.exit(spin(Waiting, done=lambda node: node.done, beat=Waiting.beat, coroutines=True))
"""


@pytest.mark.system
def test_a_node_that_beats_goes_on_while_a_coroutine_waits_and_does_not_run_hot():
    done = subprocess.run([sys.executable, "-c", BEATING], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    looks, ticks = map(int, done.stdout.split())
    assert ticks > 25, f"a timer of 50 Hz came to its turn {ticks} times in a second"
    assert looks < 500, f"the node looked {looks} times in a second for what to do"
