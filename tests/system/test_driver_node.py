"""The bucket driver as a ROS node: what is wrong is said on its topics, and `recover` goes on once it is mended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from prpd_control.graph import dds
from prpd_interfaces.msg import BucketState
from prpd_twin.ur_controller.process import Emulator

pytestmark = pytest.mark.system
DOMAIN = int(os.environ["ROS_DOMAIN_ID"])  # of this test run alone
ADDRESS = f"127.7.{DOMAIN}.20"
CODE = "import sys; from prpd_control.driver.node import main; sys.exit(main())"


def start(*parameters):
    command = [sys.executable, "-c", CODE, "--ros-args"]
    for parameter in parameters:
        command += ["-p", parameter]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dds.environment(DOMAIN))


@pytest.mark.parametrize(
    ("parameter", "says"), [("max_speed:=9.0", "max_speed"), ("rate:=fast", "rate"), ("home_pose:=[0.0, 0.0]", "")]
)
def test_a_parameter_that_makes_no_sense(parameter, says):
    process = start(parameter)
    try:
        if says:
            _, errors = process.communicate(timeout=30)
            assert process.returncode == 1 and says in errors and "Traceback" not in errors
        else:  # the range of each number is right, so the node lives, and refuses to be configured
            with Client() as client:
                assert not client.change(Transition.TRANSITION_CONFIGURE)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


class Client:
    def __init__(self):
        os.environ.update(dds.environment(DOMAIN))
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO, domain_id=DOMAIN)
        self.node = rclpy.create_node("client")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.state = None
        self.stamps = []
        self.node.create_subscription(BucketState, "bucket/state", self.on_state, 10)
        self.lifecycle = self.node.create_client(ChangeState, "bucket_driver/change_state")
        self.parameters = self.node.create_client(SetParameters, "bucket_driver/set_parameters")
        self.recovery = self.node.create_client(Trigger, "bucket_driver/recover")

    def on_state(self, message):
        self.state = message
        self.stamps.append(message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec)

    def until(self, condition, timeout=30.0):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"the driver says: {self.state}"
            self.executor.spin_once(timeout_sec=0.05)

    def call(self, client, request):
        self.until(client.service_is_ready)
        future = client.call_async(request)
        self.until(future.done)
        return future.result()

    def change(self, transition):
        return self.call(self.lifecycle, ChangeState.Request(transition=Transition(id=transition))).success

    def set(self, name, value):
        parameter = rclpy.Parameter(name, value=value).to_parameter_msg()
        return self.call(self.parameters, SetParameters.Request(parameters=[parameter])).results[0]

    def pace(self):
        """Median time between states, s."""
        self.stamps.clear()
        self.until(lambda: len(self.stamps) > 15)
        return np.median(np.diff(self.stamps))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown()


def test_what_is_wrong_is_said_and_recover_goes_on_once_it_is_mended():
    process = start(f"robot_ip:='{ADDRESS}'", "publish_rate:=40.0")
    try:
        with Client() as client:
            assert client.change(Transition.TRANSITION_CONFIGURE)
            assert not client.change(Transition.TRANSITION_ACTIVATE)
            client.until(lambda: client.state is not None and client.state.reason.startswith("unreachable_address"))
            assert client.state.mode == BucketState.MODE_DISCONNECTED and ADDRESS in client.state.reason
            with Emulator(ADDRESS, options=("--quiet",)) as robot:
                robot.do("remote_control", on=False)
                answer = client.call(client.recovery, Trigger.Request())
                assert not answer.success and answer.message.startswith("not_remote")
                robot.do("remote_control", on=True)
                assert client.call(client.recovery, Trigger.Request()).success
                client.until(lambda: client.state.mode == BucketState.MODE_IDLE)
                assert client.pace() > 0.02, "a busy machine makes them rarer, not more frequent"
                refused = client.set("publish_rate", 20.0)
                assert not refused.successful and refused.reason == "deactivate bucket_driver to change publish_rate"
                assert client.change(Transition.TRANSITION_DEACTIVATE)
                assert client.set("publish_rate", 20.0).successful
                assert client.change(Transition.TRANSITION_ACTIVATE)
                client.until(lambda: client.state.mode == BucketState.MODE_IDLE)
                assert client.pace() > 0.04, "what was changed meanwhile counts"
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=20) == 0
                assert robot.do("state")["runtime_state"] == "STOPPED"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stderr.close()
