"""The graph, described once: which processes, with which parameters. The launch files and `prpd excavate` read this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prpd_control.resources import shipped_policy
from prpd_task.errors import UserError

TWIN_ADDRESS = "127.0.0.1"
NINE_ENVIRONMENTS = Path(__file__).parents[1] / "trials" / "nine_environments.yaml"
RVIZ_LAYOUT = Path(__file__).parents[1] / "watch" / "excavate.rviz"


@dataclass(frozen=True)
class Options:
    """What a user may choose about the running system."""

    twin: bool = False
    """Emulated controller, simulated soil box and virtual camera in the place of the real ones."""
    robot_ip: str = ""
    """Address of the robot's controller. The twin takes the first free one from 127.0.0.1 on where this is empty."""
    policy: str = ""
    """Path of the ONNX policy; empty: the one that comes with the product."""
    camera: str = "camera"
    """Namespace of the depth camera's topics: <camera>/depth/image_rect_raw and <camera>/depth/camera_info."""
    cell: str = ""
    """YAML file with the cell's measured transforms; empty: nominal values, which only the twin has."""
    extrinsics: str = "cell"
    """Where the camera stands: as `cell` says, or as a node of yours publishes it on `tf`, from frame `soil` on."""
    dry_run: bool = False
    """Check every command and move nothing."""
    record: str = ""
    """Folder for recordings (MCAP) of everything; empty: none."""
    viewer: bool = False
    """Show arm, soil, rock and policy live in the browser."""
    rviz: bool = False
    """Show arm, point cloud and rock in RViz, which is the system's ROS 2's own; the wheels have none."""
    environment: str = "cube_sand"
    """Soil environment of the twin (`prpd trials --list-environments`)."""
    seed: int = 0
    """Of the twin's soil."""
    camera_rate: float = 10.0
    """Hz, of the twin's camera; a third of a real one's, so that the twin keeps real time on two cores."""
    engine: str = "physx"
    """What simulates the twin's soil: physx, or warp, on which policies are trained."""

    def __post_init__(self) -> None:
        if not self.twin and not self.robot_ip:
            raise UserError("no robot: give robot_ip (as shown on the pendant), or twin for an emulated one")
        if self.twin and self.robot_ip and not self.robot_ip.startswith("127."):
            raise UserError(f"twin and robot_ip {self.robot_ip} exclude each other: the twin is emulated on 127.x.x.x")
        if not self.twin and not self.cell:
            raise UserError("a real cell needs `cell`, the YAML file of its transforms; see docs/real_robot.md")
        if self.extrinsics not in ("cell", "tf"):
            raise UserError(f"extrinsics {self.extrinsics!r}: choose `cell` or `tf`")

    @property
    def address(self) -> str:
        """Of the controller, real or emulated."""
        return self.robot_ip or TWIN_ADDRESS

    @property
    def policy_path(self) -> Path:
        """Of the policy file."""
        return Path(self.policy).expanduser() if self.policy else shipped_policy()


@dataclass(frozen=True)
class TrialOptions(Options):
    """The same, for a batch of trials."""

    batch: str = ""
    """YAML file of the batch; empty: the nine environments of the twin."""
    folder: str = "trials"
    """Where ledger, recordings and report go."""
    restart: bool = False
    """Begin the batch anew, even where an unfinished one could go on."""

    @property
    def batch_path(self) -> Path:
        """Of the batch file."""
        return Path(self.batch).expanduser() if self.batch else NINE_ENVIRONMENTS


@dataclass(frozen=True)
class Process:
    """One process of the graph."""

    name: str
    """Of the node, and of its lines in the log."""
    package: str
    executable: str
    """Console script of the package."""
    target: str = ""
    """`module:function` behind that script; empty for a program that is not ours."""
    parameters: Mapping[str, Any] | None = None
    """ROS parameters; None: no ROS node."""
    arguments: tuple[str, ...] = ()
    """Command line of a process that is no ROS node."""
    remappings: Mapping[str, str] = field(default_factory=dict)
    lifecycle: bool = False
    may_end: bool = False
    """Its end with status 0 is its success, not the graph's end."""
    devices: tuple[str, ...] = ()
    """What no other process of this machine may use at the same time."""

    def command_line(self) -> list[str]:
        """Arguments as any ROS node understands them."""
        if self.parameters is None:
            return list(self.arguments)
        line = [*self.arguments, "--ros-args", "-r", f"__node:={self.name}"]
        for source, destination in self.remappings.items():
            line += ["-r", f"{source}:={destination}"]
        for key, value in self.parameters.items():
            line += ["-p", f"{key}:={_yaml(value)}"]
        return line


def _yaml(value: Any) -> str:
    """A parameter's value as rcl reads it: every text in quotes, so that an address stays a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(v) for v in value) + "]"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"


def twin(options: Options) -> list[Process]:
    """What takes the place of robot, soil box and camera."""
    return [
        Process(
            "ur_controller",
            "prpd_twin",
            "ur_controller",
            "prpd_twin.ur_controller.main:main",
            arguments=("--address", options.address),
            devices=(f"controller {options.address}",),
        ),
        Process(
            "soil_world",
            "prpd_twin",
            "soil_world",
            "prpd_twin.soil_world.node:main",
            {
                "robot_ip": options.address,
                "cell": options.cell,
                "environment": options.environment,
                "seed": options.seed,
                "engine": options.engine,
            },
        ),
        Process(
            "depth_camera",
            "prpd_twin",
            "depth_camera",
            "prpd_twin.depth_camera.node:main",
            {"cell_file": options.cell, "seed": options.seed, "rate": options.camera_rate},
        ),
    ]


def trial_graph(options: TrialOptions) -> list[Process]:
    """The excavation graph, and a recorder that starts a file per trial."""
    return [*excavation(replace(options, record="")), recorder(options.folder, per_trial=True)]


def trials(options: TrialOptions) -> list[Process]:
    """The same with the node that runs the batch, for where no `prpd trials` does."""
    parameters = {
        "batch": str(options.batch_path),
        "folder": options.folder,
        "twin_address": options.address if options.twin else "",
        "restart": options.restart,
    }
    runner = Process("trials", "prpd_control", "trials", "prpd_control.trials.node:main", parameters)
    return [*trial_graph(options), runner]


def excavation(options: Options) -> list[Process]:
    """The graph from which `excavate` goals are served, with the twin where it was asked for."""
    images = {f"camera/depth/{t}": f"{options.camera}/depth/{t}" for t in ("image_rect_raw", "camera_info")}
    remappings = images if options.camera != "camera" else {}
    driver: dict[str, Any] = {
        "robot_ip": options.address,
        "cell": options.cell,
        "camera_frame": options.extrinsics == "cell",
        "dry_run": options.dry_run,
    }
    if options.twin:
        # Robot, soil and driver share two cores without a real-time kernel: its hiccups are not the robot's, and what
        # streams at full rates cost would starve the camera.
        driver |= {"rate": 125.0, "publish_rate": 25.0, "watchdog_rate": 10.0, "command_grace": 0.15}
    nodes = [
        Process(
            "bucket_driver",
            "prpd_control",
            "bucket_driver",
            "prpd_control.driver.node:main",
            driver,
            lifecycle=True,
            devices=(f"arm {options.address}",),
        ),
        Process(
            "rock_state",
            "prpd_perception",
            "rock_state",
            "prpd_perception.node:main",
            # Nobody asks for an excavation where no rock is.
            {"cell_file": options.cell, "autostart": False, "rock_expected": 0.95, "extrinsics": options.extrinsics},
            remappings=remappings,
            lifecycle=True,
        ),
        Process(
            "excavate",
            "prpd_control",
            "excavate",
            "prpd_control.excavate.node:main",
            {"policy": str(options.policy_path)},
            lifecycle=True,
        ),
    ]
    if options.record:
        nodes.append(recorder(options.record, per_trial=False))
    if options.viewer:
        nodes.append(viewer(options))
    if options.rviz:
        nodes += rviz(options)
    nodes = (twin(options) if options.twin else []) + nodes
    return [*nodes, bring_up(nodes, patience=30.0 if options.twin else 10.0)]


def recorder(folder: str, *, per_trial: bool) -> Process:
    """Writes everything that is published to MCAP files."""
    parameters = {"folder": folder, "per_trial": per_trial}
    return Process("recorder", "prpd_control", "recorder", "prpd_control.trials.recorder:main", parameters)


def viewer(options: Options) -> Process:
    """Shows the graph in the browser."""
    return Process("viewer", "prpd_control", "viewer", "prpd_control.watch.viewer:main", {"cell": options.cell})


def rviz(options: Options) -> list[Process]:
    """Shows the graph in RViz: the arm's links from its joints, and a window with our layout."""
    from prpd_task.cell import Cell
    from prpd_task.description import robot_description

    cell = Cell.load(options.cell) if options.cell else Cell()
    description = {"robot_description": robot_description(cell)}
    layout = ("-d", str(RVIZ_LAYOUT))
    return [
        Process("robot_state_publisher", "robot_state_publisher", "robot_state_publisher", parameters=description),
        Process("rviz", "rviz2", "rviz2", parameters={}, arguments=layout, may_end=True),
    ]


def bring_up(nodes: list[Process], *, patience: float) -> Process:
    """Configures and activates the lifecycle nodes in order, each within its `patience` in s, then ends."""
    parameters = {"nodes": [p.name for p in nodes if p.lifecycle], "timeout": patience}
    target = "prpd_control.graph.bring_up:main"
    return Process("bring_up", "prpd_control", "bring_up", target, parameters, may_end=True)
