"""Thirty depth images a second to the perception node, beside a driver whose arm moves: is each answered, in time?

    python benchmarks/perception_stream.py --quick                          # 20 s
    python benchmarks/perception_stream.py --json perception_stream.json    # 10 minutes

Node, driver, DDS and `ur_rtde` are real; arm and images are emulated. The images show a still bed with a rock, and the
bucket above it where the arm has it; they are drawn beforehand, as a real camera takes no time of this processor.
Memory is what the node alone holds (USS), in the last quarter of the run against the second: in the first, its heap
finds its size; the bound is two thirds of a MB for those two thirds of the time. A driver that stops is
sent home and goes on, so that the run is whole, but it counts as a failure.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import tyro
from circumstances import circumstances
from driver_rig import HOME, Rig, end_node, start_node, strokes
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from still_bed import ROCK, still_bed

from prpd_interfaces.msg import BucketState, RockState
from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_twin.depth_camera.messages import camera_info, depth_image
from prpd_twin.depth_camera.noise import DepthNoise, NoiseModel
from prpd_twin.depth_camera.renderer import DepthRenderer

RATE = 30.0
"""Hz."""
LIMITS = {"unanswered_share": 0.01, "delay_p99": 0.1, "growth": 0.67e6}
"""Of the images; s from an image's stamp to the state of the rock; bytes."""
BOUNDS = "99 % of the images answered, within 100 ms (p99), and no growth of memory by 0.67 MB"
APART = 0.005
"""m, between the places of the bucket that are drawn; it counts as bucket from 7 mm on."""
EXPOSURES = 4
"""Images of each place, with other noise."""
SAMPLING = 1.0
"""s between looks at the node's memory."""


@dataclass(frozen=True)
class Args:
    """Stream depth images to the perception node, beside the driver."""

    seconds: float = 600.0
    """Of streaming."""
    quick: bool = False
    """20 s."""
    address: str = "127.0.5.3"
    """Loopback address of the emulated controller."""
    domain: int = 78
    """ROS domain."""
    json: Path | None = None
    """Write the figures there."""


@dataclass(frozen=True)
class Figures:
    """What was measured; s, bytes, shares."""

    seconds: float
    images: int
    unanswered_share: float
    """Of the images."""
    unusable_share: float
    """Of the answers: that the image was refused, or came late."""
    seen_share: float
    """Of the answers: that the rock is where it is, within 25 mm."""
    delay_p50: float
    """From an image's stamp to the arrival of the state."""
    delay_p99: float
    cpu_per_image: float
    """Of the node's processor time: the update, and all that ROS takes."""
    memory: list[float]
    """Of the node, every 10 s."""
    growth: float
    stops: list[str]
    """Why the driver stopped, each time."""


class Answer(NamedTuple):
    """What counts of a state of the rock: kept whole, ten minutes of them would busy Python's collector."""

    delay: float
    """s."""
    status: int
    right: bool
    """Whether the rock is where it is."""


class Camera:
    """Publishes what a camera would see of the rig's bucket, and collects what the node makes of it."""

    def __init__(self, rig: Rig) -> None:
        self._rig, self._cell = rig, Cell()
        self._places, self._drawn = _drawn(self._cell)
        reliable = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
        self._images = rig.node.create_publisher(Image, "camera/depth/image_rect_raw", reliable)
        self._infos = rig.node.create_publisher(CameraInfo, "camera/depth/camera_info", reliable)
        rig.node.create_subscription(RockState, "rock/state", self._on_state, 100)
        self.stamps: list[int] = []
        self.answers: dict[int, Answer] = {}
        """The first of each image, by its stamp (ns)."""

    def begin(self) -> None:
        """Publish images from now on."""
        self._rig.node.create_timer(1 / RATE, self._expose)

    def _expose(self) -> None:
        state = self._rig.state
        place = int(np.abs(self._places - (HOME[1] if state is None else state.pose.position.y)).argmin())
        stamp = time.time_ns()
        image = depth_image(self._drawn[place][len(self.stamps) % EXPOSURES], stamp)
        self._infos.publish(camera_info(self._cell.intrinsics, image.header))
        self._images.publish(image)
        self.stamps.append(stamp)

    def _on_state(self, state: RockState) -> None:
        stamp = state.header.stamp.sec * 10**9 + state.header.stamp.nanosec
        self.answers.setdefault(stamp, Answer(1e-9 * (time.time_ns() - stamp), state.status, _right(state)))


def _drawn(cell: Cell) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """Places of the bucket along y, as far as the strokes go, and depth images (uint16 mm) of it at each."""
    targets, (scene, grains) = strokes(), still_bed()
    places = np.arange(HOME[1], max(next(targets)[1] for _ in range(28)) + APART, APART)
    renderer = DepthRenderer(scene=scene, cell=cell, bucket=BucketGeometry())
    noise = DepthNoise(NoiseModel(), fx=cell.intrinsics.fx, shape=renderer.shape, seed=3)
    images = []
    for y in places:
        view = renderer.render(grains=grains, rock=ROCK, bucket=Pose.from_bucket((HOME[0], float(y), *HOME[2:])))
        images.append([noise.exposed(view.depth, view.window) for _ in range(EXPOSURES)])
    return places, images


def measure(args: Args) -> Figures:
    """The arm goes to and fro, and the node looks on."""
    seconds, memory, stops = 20.0 if args.quick else args.seconds, [], []
    with Rig(args.address, domain=args.domain) as rig:
        camera = Camera(rig)
        node = start_node("prpd_perception.node", ())
        os.setpriority(os.PRIO_PROCESS, node.pid, 0)  # less urgent than the arm, as in the graph
        try:
            camera.begin()
            rig.until(lambda: any(a.status == RockState.STATUS_OK for a in camera.answers.values()), 60.0, "a rock")
            rig.call("home")
            process, targets = psutil.Process(node.pid), strokes()
            rig.stream(targets, 5.0)  # in which the node fills its caches
            first, begun, before = len(camera.stamps), time.monotonic(), process.cpu_times()
            while time.monotonic() - begun < seconds:
                rig.stream(targets, SAMPLING)
                memory.append(process.memory_full_info().uss)
                rig.states.clear()  # looking through ten minutes of them, Python's collector would hold up the commands
                if rig.mode != BucketState.MODE_STREAMING:
                    stops.append(rig.reason)
                    if problem := rig.go_on():
                        raise RuntimeError(f"the driver stopped ({stops[-1]}) and does not go on: {problem}")
                    targets = strokes()
            after, took, stamps = process.cpu_times(), time.monotonic() - begun, camera.stamps[first:]
            rig.spin(0.5)  # for the last answers
        finally:
            end_node(node)
    answers = [camera.answers[stamp] for stamp in stamps if stamp in camera.answers]
    refused = (RockState.STATUS_BAD_IMAGE, RockState.STATUS_STALE_IMAGE, RockState.STATUS_CAMERA_MOVED)
    quarter, delays = max(len(memory) // 4, 1), [answer.delay for answer in answers]
    second, last = (float(np.median(part[-quarter:])) for part in (memory[: 2 * quarter], memory))
    return Figures(
        seconds=took, images=len(stamps), unanswered_share=1 - len(answers) / len(stamps),
        unusable_share=_share(answer.status in refused for answer in answers),
        seen_share=_share(answer.right for answer in answers),
        delay_p50=float(np.quantile(delays, 0.5)), delay_p99=float(np.quantile(delays, 0.99)),
        cpu_per_image=(after.user + after.system - before.user - before.system) / len(stamps),
        memory=memory[::10], growth=last - second, stops=stops,
    )  # fmt: skip


def _share(found: object) -> float:
    return float(np.mean(list(found)))


def _right(state: RockState) -> bool:
    at = state.pose.pose.position
    near = np.linalg.norm(np.array([at.x, at.y, at.z]) - ROCK.position) < 0.025
    return state.status in (RockState.STATUS_OK, RockState.STATUS_OCCLUDED) and bool(near)


def rows_of(f: Figures) -> list[tuple[str, str]]:
    """What was measured and how it came out, for people."""
    return [
        ("images", f"{f.images} in {f.seconds:.0f} s, {f.images / f.seconds:.1f} a second"),
        ("without an answer", f"{f.unanswered_share:.2%}"),
        ("refused", f"{f.unusable_share:.2%}"),
        ("rock known within 25 mm", f"{f.seen_share:.1%}"),
        ("image to state, p50 / p99", f"{f.delay_p50 * 1e3:.1f} / {f.delay_p99 * 1e3:.1f} ms"),
        ("processor time of the node per image", f"{f.cpu_per_image * 1e3:.1f} ms"),
        ("memory of the node, growth", f"{f.memory[-1] / 1e6:.0f} MB, {f.growth / 1e6:+.2f} MB"),
        ("stops of the driver", "; ".join(f.stops) or "none"),
    ]


def main(args: Args) -> int:
    """Print the figures; the exit status tells whether they hold."""
    when = circumstances()
    f = measure(args)
    print("\n".join(f"{name:45s} {value}" for name, value in rows_of(f)))
    if args.json:
        args.json.write_text(json.dumps({"when": when, **asdict(f)}, indent=1) + "\n")
    values = asdict(f)
    wrong = [
        f"{name} {values[name]:.4g} is above {limit:.4g}" for name, limit in LIMITS.items() if not values[name] <= limit
    ]
    wrong += ["the driver stopped"] * bool(f.stops)
    print(f"FAILED: {'; '.join(wrong)}" if wrong else f"all bounds hold: {BOUNDS}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Args)))
