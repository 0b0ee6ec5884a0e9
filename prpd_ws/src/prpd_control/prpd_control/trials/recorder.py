"""`recorder`: writes everything that is published into MCAP files, one for a session or one per trial."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from mcap.writer import Writer
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy

from prpd_control.trials.message_types import definition, message_class
from prpd_interfaces.msg import TrialStatus
from prpd_ros.process import spin
from prpd_task.errors import UserError

IMAGE = "sensor_msgs/msg/Image"
SKIPPED = {"/parameter_events", "/rosout"}
HIDDEN = "/_action/"
"""In the topics below an action; what they carry is in the result and in `policy/status`."""


def recording_name(trial: int) -> str:
    """File name of a trial's recording, within the folder of recordings."""
    return f"trial_{trial:05d}.mcap"


class Recording:
    """One MCAP file that gets serialised messages as they come from the middleware."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("wb")
        self._writer = Writer(self._file)
        self._writer.start(profile="ros2", library="prpd")
        self._channels: dict[str, int] = {}
        self._schemas: dict[str, int] = {}

    def write(self, topic: str, kind: str, data: bytes, stamp_ns: int) -> None:
        """Add one message of type `kind`, received at `stamp_ns` in ns since 1970."""
        if topic not in self._channels:
            if kind not in self._schemas:
                text = definition(kind).encode()
                self._schemas[kind] = self._writer.register_schema(kind, "ros2msg", text)
            self._channels[topic] = self._writer.register_channel(topic, "cdr", self._schemas[kind])
        self._writer.add_message(self._channels[topic], log_time=stamp_ns, publish_time=stamp_ns, data=data)

    def close(self) -> None:
        """Write the index and close the file."""
        self._writer.finish()
        self._file.close()


class RecorderNode(Node):
    """Subscribes to whatever is published, unopened; images at a lower rate, for they are a hundred times the rest."""

    def __init__(self) -> None:
        super().__init__("recorder")
        self._folder = Path(self.declare_parameter("folder", "recordings").value).expanduser()
        self._per_trial = bool(self.declare_parameter("per_trial", False).value)
        image_rate = self.declare_parameter("image_rate", 3.0).value
        self._image_period = 1e9 / image_rate
        self._last_image: dict[str, int] = {}
        self._recording: Recording | None = None
        self._known: set[str] = set()
        self.create_timer(0.5, self._subscribe_to_new)
        if self._per_trial:
            self.create_subscription(TrialStatus, "trial/status", self._on_trial, 10)
        else:
            self._open(self._folder / time.strftime("excavate_%Y%m%d_%H%M%S.mcap"))

    def _open(self, path: Path) -> None:
        try:
            self._recording = Recording(path)
        except OSError as error:
            raise UserError(f"cannot record to {path}: {error.strerror}; name another folder or make room") from error
        self._last_image.clear()

    def _subscribe_to_new(self) -> None:
        for topic, kinds in self.get_topic_names_and_types():
            if topic in self._known or topic in SKIPPED or HIDDEN in topic:
                continue
            self._known.add(topic)
            try:
                kind = message_class(kinds[0])
                definition(kinds[0])
            except (ImportError, AttributeError, FileNotFoundError, ValueError) as error:
                self.get_logger().warning(f"{topic} ({kinds[0]}) is not recorded: {error}")
                continue
            # Best effort suits every publisher, and never slows one down.
            quality = QoSProfile(depth=50, reliability=QoSReliabilityPolicy.BEST_EFFORT)
            # And no events: each would be one more thing to look at with every message of any topic.
            silent = SubscriptionEventCallbacks(use_default_callbacks=False)
            callback = self._writer_of(topic, kinds[0])
            self.create_subscription(kind, topic, callback, quality, raw=True, event_callbacks=silent)

    def _writer_of(self, topic: str, kind: str) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            now = time.time_ns()
            if kind == IMAGE:
                if now - self._last_image.get(topic, 0) < self._image_period:
                    return
                self._last_image[topic] = now
            self._write(topic, kind, data, now)

        return write

    def _write(self, topic: str, kind: str, data: bytes, now: int) -> None:
        if self._recording is None:
            return
        try:
            self._recording.write(topic, kind, data, now)
        except OSError as error:
            self.get_logger().error(f"recording stopped: {self._recording.path}: {error.strerror}")
            self._recording = None

    def _on_trial(self, status: TrialStatus) -> None:
        path = self._folder / "recordings" / recording_name(status.trial)
        running = status.phase in (TrialStatus.PHASE_RUNNING, TrialStatus.PHASE_JUDGING)
        if running and (self._recording is None or self._recording.path != path):
            self.close()
            try:
                self._open(path)
            except UserError as error:
                self.get_logger().error(str(error))
        elif not running:
            self.close()

    def close(self) -> None:
        """Finish the file, if one is open."""
        recording, self._recording = self._recording, None
        if recording is None:
            return
        try:
            recording.close()
        except OSError as error:
            self.get_logger().error(f"the end of {recording.path} could not be written: {error.strerror}")


def main() -> int:
    """Entry point of the process, which gives way to what it records."""
    os.nice(10)
    return spin(RecorderNode)


if __name__ == "__main__":
    sys.exit(main())
