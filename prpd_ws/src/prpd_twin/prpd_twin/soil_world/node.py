"""`soil_world`: the node that ties the simulated soil to the emulated arm, the camera and the graph."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import numpy as np
import rclpy
from geometry_msgs.msg import Point, Quaternion, Vector3
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.time import Time
from std_srvs.srv import Trigger

from prpd_interfaces.msg import SoilState
from prpd_interfaces.srv import ResetSoil
from prpd_ros.executor import thrifty_executor
from prpd_task.cell import Cell
from prpd_task.errors import UserError
from prpd_task.frames import Pose
from prpd_task.pose_history import PoseHistory
from prpd_task.scheduling import be_ordinary, be_real_time
from prpd_task.signals import ignore_signals
from prpd_train import engines
from prpd_train.engines.protocol import Simulator
from prpd_train.scene.spec import SceneSpec
from prpd_twin.snapshot import SnapshotWriter
from prpd_twin.soil_world.arm_link import ArmLink, ArmReading
from prpd_twin.soil_world.camera_scene import camera_scene
from prpd_twin.soil_world.environment import load
from prpd_twin.soil_world.pace import Pace
from prpd_twin.soil_world.world import BucketInSoilError, SoilWorld, Truth

PERIOD = 0.02
"""s, of simulated and of real time."""
PUBLISH_EVERY = 2
"""ticks."""
LOOK_EVERY = 5
"""ticks, between two looks for requests; each costs as much as a tenth of a tick."""
SLOW = 0.95
"""Real-time factor under which the twin complains."""
PARKED = np.array([0.0, -0.3, 0.3, 0.0])
"""Where the bucket is taken to be while no controller answers, and while the bed lies cleared."""


class SoilWorldNode(Node):
    """Publishes `soil/state`, serves `soil_world/reset` and `soil_world/clear`, writes the camera's snapshot.

    A bucket that is jammed pushes on, and its arm stops again as soon as it is released. `clear` does what a person
    would do first: dig it free. Nothing touches it from then on until the soil is reset.
    """

    def __init__(self, snapshots: SnapshotWriter) -> None:
        super().__init__("soil_world")
        cell_path = self.declare_parameter("cell", "").value
        address = self.declare_parameter("robot_ip", "127.0.0.1").value
        environment = self.declare_parameter("environment", "cube_sand").value
        seed = self.declare_parameter("seed", 0).value
        self._priority = self.declare_parameter("realtime_priority", 0).value
        self._engine = self.declare_parameter("engine", "physx").value
        self._snapshots = snapshots
        self._arm = ArmLink(address, Cell.load(cell_path) if cell_path else Cell())
        self._reading: ArmReading | None = None
        self._poses = PoseHistory()
        self._world = SoilWorld(self._make_simulator)
        self._pace = Pace(PERIOD)
        self._ticks, self._cleared = 0, False
        self._force = np.zeros(3)
        self._complained_at = -np.inf
        self._states = self.create_publisher(SoilState, "soil/state", 10)
        self.create_service(ResetSoil, "soil_world/reset", self._on_reset)
        self.create_service(Trigger, "soil_world/clear", self._on_clear)
        self._set_up(environment, seed)

    def _make_simulator(self, scene: SceneSpec) -> Simulator:
        if self._engine == "physx":
            # One step a tick. Digs are the same as with two, and while soil moves, two take as long as the tick lasts.
            return engines.make(self._engine, [scene], substep=PERIOD)
        return engines.make(self._engine, [scene])

    def _set_up(self, environment: str, seed: int, *, cleared: bool = False) -> None:
        self._force = np.zeros(3)
        self._read_arm(late=0.0)
        be_ordinary()  # the soil settles for seconds, and the arm's own processes must not wait for that
        self._world.reset(load(environment), seed, PARKED if cleared else self._actual_pose())
        be_real_time(self._priority)
        self._cleared, self._last = cleared, (environment, seed)
        scene = self._world.scene
        corners = scene.rock.corners()
        self._rock_size = corners.max(0) - corners.min(0)
        self._snapshots.write_scene(camera_scene(scene))
        self._pace.restart()
        self.get_logger().info(f"{environment} (seed {seed}): {scene.grains.count} grains of {1e3 * scene.delta:g} mm")

    def _read_arm(self, late: float) -> tuple[np.ndarray, int]:
        """Tell the force on the bucket, and learn where it is; where it was `late` s ago, and when that was, in ns."""
        self._reading = self._arm.exchange(self._force) or self._reading
        now = self.get_clock().now().nanoseconds
        self._poses.add(1e-9 * now, self._actual_pose())
        then = now - round(1e9 * late)
        if self._cleared:
            return PARKED, then
        pose = self._poses.at(1e-9 * then)
        return self._actual_pose() if pose is None else pose, then

    def _actual_pose(self) -> np.ndarray:
        return self._reading.soil_from_bucket.bucket_pose() if self._reading else PARKED

    def _on_reset(self, request: ResetSoil.Request, response: ResetSoil.Response) -> ResetSoil.Response:
        try:
            self._set_up(request.environment, request.seed)
            response.success = True
        except (UserError, BucketInSoilError, ValueError) as error:
            response.success, response.message = False, str(error)
        return response

    def _on_clear(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._set_up(*self._last, cleared=True)
        response.success = True
        return response

    def tick(self) -> None:
        """Wait for the next period, learn where the bucket is by then, simulate its way there, tell force and state."""
        # Where the machine held this process up, the soil is late, and gets the bucket's way at the bucket's speed.
        bucket, stamp_ns = self._read_arm(self._pace.wait())
        try:
            truth = self._world.advance(bucket, PERIOD)
        except FloatingPointError as error:  # the engine has begun anew with the same scene: this trial is lost
            self.get_logger().error(str(error))
            return
        self._force = truth.force
        self._arm.tell(self._force)
        # What was simulated is how things were when the arm stood there, not how they are now.
        self._snapshots.write(
            stamp_ns=stamp_ns, grains=self._world.grains, rock=truth.rock, bucket=Pose.from_bucket(bucket)
        )
        self._ticks += 1
        if self._ticks % PUBLISH_EVERY == 0:
            self._states.publish(self._message(truth, stamp_ns))
        self._complain_if_slow()

    def _message(self, truth: Truth, stamp_ns: int) -> SoilState:
        environment = self._world.environment
        message = SoilState(environment=environment.name if environment else "")
        message.header.stamp, message.header.frame_id = Time(nanoseconds=stamp_ns).to_msg(), "soil"
        x, y, z = truth.rock.position
        qx, qy, qz, qw = truth.rock.quaternion
        message.rock.position, message.rock.orientation = Point(x=x, y=y, z=z), Quaternion(x=qx, y=qy, z=qz, w=qw)
        message.rock_twist.linear = _vector(truth.rock_velocity)
        message.rock_twist.angular = _vector(truth.rock_angular_velocity)
        message.rock_size = _vector(self._rock_size)
        message.surface_height = truth.surface_height
        message.in_bucket, message.success = truth.in_bucket, truth.success
        message.bucket_force = _vector(truth.force)
        message.real_time_factor = self._pace.real_time_factor
        return message

    def _complain_if_slow(self) -> None:
        now = self.get_clock().now().nanoseconds * 1e-9
        factor = self._pace.real_time_factor
        if factor < SLOW and now - self._complained_at > 5.0:
            self._complained_at = now
            self.get_logger().error(
                f"THE TWIN IS TOO SLOW: {factor:.2f} simulated seconds per second. The arm moves in real time, so the "
                "soil sees it move faster than it does; trials now prove nothing. Close other programs."
            )

    def close(self) -> None:
        """Free simulator and socket."""
        self._world.close()
        self._arm.close()


def _vector(values: np.ndarray) -> Vector3:
    x, y, z = (float(v) for v in values)
    return Vector3(x=x, y=y, z=z)


def main() -> int:
    """Entry point of the process; the physics sets its pace."""
    stop: list[int] = []

    def request(number: int, frame: FrameType | None) -> None:
        stop.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, request)
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    executor = thrifty_executor()
    with SnapshotWriter() as snapshots:
        try:
            node = SoilWorldNode(snapshots)
        except (UserError, BucketInSoilError, RuntimeError) as error:
            print(f"error: {error}", file=sys.stderr)
            rclpy.shutdown()
            return 1
        executor.add_node(node)
        while not stop:
            for _ in range(LOOK_EVERY):
                node.tick()
            executor.spin_once(timeout_sec=0)
        node.close()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()
    ignore_signals()
    return 0


if __name__ == "__main__":
    sys.exit(main())
