"""`rock_state`: the lifecycle node around `RockEstimator`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_srvs.srv import Trigger
from visualization_msgs.msg import MarkerArray

from prpd_interfaces.msg import BucketState, RockState
from prpd_perception import messages
from prpd_perception.depth_image import decode_depth, intrinsics_of
from prpd_perception.detector import Detector
from prpd_perception.estimate import BadImageError, EstimatorConfig, RockEstimate, Status
from prpd_perception.estimator import RockEstimator
from prpd_perception.extrinsics import Extrinsics
from prpd_perception.health import Health
from prpd_perception.parameters import Parameters, declare
from prpd_ros.lifecycle import LifecycleNode
from prpd_task.bucket import BucketGeometry
from prpd_task.pose_history import PoseHistory


class RockStateNode(LifecycleNode):
    """Publishes one `RockState` for each depth image, and one that says why when there is none."""

    def __init__(self) -> None:
        super().__init__("rock_state")
        self._settings: Parameters = declare(self)
        self.keep_parameters()
        self._estimator: RockEstimator | None = None
        self._detector: Detector | None = None
        self._live = False
        if self._settings.autostart:
            self.trigger_configure()
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Check the parameters, and make publishers and subscriptions."""
        try:
            self._settings = declare(self)
            self._extrinsics = Extrinsics(self, self._settings)
            # Loading the network takes longer than an image may be old: not at the first image, therefore.
            self._detector = self._detector or Detector()
        except (ValueError, OSError, ImportError) as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        p = self._settings
        self._history = PoseHistory()
        self._health = Health(max_age=p.max_image_age)
        self._info: CameraInfo | None = None
        self._debug_at = self._warned_at = 0.0
        self._stamp = Time()
        self._received = self._now()
        # Only the newest: where images come faster than they are looked at, each would be older than the one before.
        image_qos = QoSProfile(depth=1, reliability=ReliabilityPolicy[p.image_reliability.upper()])
        self._rock = self.create_publisher(RockState, "rock/state", 10)
        self._heights = self.create_publisher(Image, "rock/height_map", 1)
        self._cloud = self.create_publisher(PointCloud2, "rock/cloud", 1)
        self._markers = self.create_publisher(MarkerArray, "rock/markers", 1)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._members = [
            self.create_subscription(Image, "camera/depth/image_rect_raw", self._on_image, image_qos),
            self.create_subscription(CameraInfo, "camera/depth/camera_info", self._on_info, image_qos),
            self.create_subscription(BucketState, "bucket/state", self._on_bucket, 10),
        ]
        self._forgetting = self.create_service(Trigger, "~/forget", self._forget)
        self._clocks = [self.create_timer(0.1, self._watch), self.create_timer(1.0, self._diagnose)]
        return TransitionCallbackReturn.SUCCESS

    def _forget(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Another rock, or the same one put elsewhere: what was known of it would only mislead."""
        if self._estimator is not None:
            self._estimator.reset()
        response.success = True
        return response

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to answer; what was seen before is forgotten."""
        if self._estimator is not None:
            self._estimator.reset()
        self._received, self._live = self._now(), True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop answering."""
        self._live = False
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Undo `on_configure`."""
        self._live, self._estimator = False, None
        self._extrinsics.close()
        for member in self._members:
            self.destroy_subscription(member)
        for timer in self._clocks:
            self.destroy_timer(timer)
        self.destroy_service(self._forgetting)
        for publisher in (self._rock, self._heights, self._cloud, self._markers, self._diagnostics):
            self.destroy_publisher(publisher)
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any state."""
        self._live = False
        return TransitionCallbackReturn.SUCCESS

    def _on_info(self, info: CameraInfo) -> None:
        known = self._info
        if known is None or (info.width, info.height, *info.k) != (known.width, known.height, *known.k):
            self._info, self._estimator = info, None

    def _on_bucket(self, state: BucketState) -> None:
        p = state.pose.position
        self._history.add(_seconds(state.header.stamp), np.array([p.x, p.y, p.z, state.pitch]))

    def _on_image(self, image: Image) -> None:
        if not self._live:
            return
        start = self._now()
        self._received, self._stamp = start, image.header.stamp
        state, estimate = self.answer(image)
        self._rock.publish(state)
        if estimate is None:
            self._health.bad(state.message)
            self._warn(state.message)
            return
        self._health.good(estimate, received=start, age=start - estimate.stamp, took=self._now() - start)
        if estimate.status == Status.CAMERA_MOVED:
            self._warn(estimate.message)
        self._publish_debug(estimate, image.header.stamp)

    def answer(self, image: Image) -> tuple[RockState, RockEstimate | None]:
        """What is known after an image; no estimate if it cannot be used."""
        try:
            estimate = self._estimate(image)
        except BadImageError as error:
            return messages.problem(Status.BAD_IMAGE, str(error), image.header.stamp), None
        return messages.rock_state(estimate, image.header.stamp), estimate

    def _estimate(self, image: Image) -> RockEstimate:
        depth = decode_depth(
            data=image.data,
            width=image.width,
            height=image.height,
            step=image.step,
            encoding=image.encoding,
            big_endian=bool(image.is_bigendian),
        )
        stamp = _seconds(image.header.stamp)
        estimator = self._ready_estimator(image.header.frame_id)
        pose = self._history.at(stamp)
        if pose is None and self._settings.require_bucket:
            raise BadImageError("the bucket's pose at the time of the image is not known; does the bucket driver run?")
        return estimator.update(depth, stamp=stamp, bucket_pose=pose)

    def _ready_estimator(self, camera_frame: str) -> RockEstimator:
        if self._estimator is None:
            p, info = self._settings, self._info
            if info is None:
                raise BadImageError("no camera_info yet; check the topic camera/depth/camera_info")
            intrinsics = intrinsics_of(width=info.width, height=info.height, k=info.k)
            config = EstimatorConfig(
                tracker=p.tracker(),
                prior_position=p.prior(),
                prior_deviation=p.prior_deviation,
                expected=p.rock_expected,
            )
            try:
                cell = replace(self._extrinsics.cell(camera_frame), intrinsics=intrinsics)
                bucket = BucketGeometry(shape=p.bucket_shape)
                self._estimator = RockEstimator(cell=cell, bucket=bucket, config=config, detector=self._detector)
            except ValueError as error:
                raise BadImageError(str(error)) from error
        return self._estimator

    def _watch(self) -> None:
        """Report a camera that is silent, instead of letting an old state stand."""
        silent = self._now() - self._received
        if self._live and silent > self._settings.max_image_age:
            text = f"no depth image for {silent:.1f} s; check the camera and the topic camera/depth/image_rect_raw"
            self._health.bad(text)
            self._warn(text)
            self._rock.publish(messages.problem(Status.STALE_IMAGE, text, self._stamp))

    def _publish_debug(self, estimate: RockEstimate, stamp: Time) -> None:
        now, rate = self._now(), self._settings.debug_rate
        if rate <= 0 or now - self._debug_at < 1 / rate or estimate.soil is None:
            return
        self._debug_at = now
        self._heights.publish(messages.height_map(estimate.soil, stamp))
        self._markers.publish(messages.markers(estimate, stamp))
        if self._cloud.get_subscription_count():
            self._cloud.publish(messages.cloud(estimate.cloud, stamp))

    def _diagnose(self) -> None:
        if self._live:
            array = DiagnosticArray(status=[self._health.report(self._now())])
            array.header.stamp = self.get_clock().now().to_msg()
            self._diagnostics.publish(array)

    def _warn(self, text: str) -> None:
        if self._now() - self._warned_at > 2.0:
            self._warned_at = self._now()
            self.get_logger().warning(text)

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9


def _seconds(stamp: Time) -> float:
    return stamp.sec + stamp.nanosec * 1e-9


def main() -> int:
    """Console script."""
    from prpd_ros.process import spin

    return spin(RockStateNode)
