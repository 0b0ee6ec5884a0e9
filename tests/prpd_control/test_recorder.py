"""The recorder on real topics: what ends up in the file, and what a full disk does."""

import time

import numpy as np
import pytest
import rclpy
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rclpy.node import Node
from sensor_msgs.msg import Image

from prpd_control.trials.recorder import RecorderNode, recording_name
from prpd_interfaces.msg import PolicyStatus, TrialStatus

FULL = "/dev/full"
"""A device on which every write fails for want of space."""


@pytest.fixture
def recorder(tmp_path):
    rclpy.init(args=["--ros-args", "-p", f"folder:={tmp_path}", "-p", "per_trial:=true", "-p", "image_rate:=1000.0"])
    node = RecorderNode()
    yield node
    node.close()
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def source(recorder):
    node = Node("source")
    yield node
    node.destroy_node()


def image():
    noise = np.random.default_rng(0).integers(0, 2**16, (480, 640), dtype=np.uint16)  # nothing that compresses
    message = Image(height=480, width=640, encoding="16UC1", step=1280)
    message.data.frombytes(noise.tobytes())
    return message


def publish_until(recorder, publisher, message, condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("it did not come about")
        publisher.publish(message)
        rclpy.spin_once(recorder, timeout_sec=0.05)


def begin_trial(recorder, source):
    status = source.create_publisher(TrialStatus, "trial/status", 10)
    message = TrialStatus(trial=1, phase=TrialStatus.PHASE_RUNNING)
    publish_until(recorder, status, message, lambda: recorder._recording is not None)


def test_observations_and_actions_of_a_trial_are_in_its_file(recorder, source, tmp_path):
    begin_trial(recorder, source)
    policy = source.create_publisher(PolicyStatus, "policy/status", 10)
    message = PolicyStatus(step=7, observation=[0.5, 0.25], action=[0.1, 0.2, 0.3, 0.4])
    publish_until(recorder, policy, message, lambda: "/policy/status" in recorder._recording._channels)
    recorder.close()
    with (tmp_path / "recordings" / recording_name(1)).open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        messages = [m for _, _, _, m in reader.iter_decoded_messages(topics=["/policy/status"])]
    assert messages[0].step == 7
    assert list(messages[0].observation) == [0.5, 0.25]
    assert list(messages[0].action) == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_a_full_disk_ends_the_recording_and_not_the_node(recorder, source, tmp_path, capfd):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / recording_name(1)).symlink_to(FULL)
    begin_trial(recorder, source)
    images = source.create_publisher(Image, "camera/depth/image_rect_raw", 10)
    publish_until(recorder, images, image(), lambda: recorder._recording is None)
    said = capfd.readouterr().err
    assert "recording stopped: " in said
    assert "No space left on device" in said
    status = source.create_publisher(TrialStatus, "trial/status", 10)
    message = TrialStatus(trial=2, phase=TrialStatus.PHASE_RUNNING)  # and it tries again with the next trial
    publish_until(recorder, status, message, lambda: recorder._recording is not None)
    assert recorder._recording.path.name == recording_name(2)
