"""Whether a UR5e reaches the task's workspace in a cell, and how far from trouble it stays: `prpd reach`."""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np

from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_task.spec import TaskSpec

Configuration = Tuple[bool, bool, bool]
MARGIN = (0.02, 0.02, 0.01, 0.05)
"""m, m, m, rad: how far beyond the workspace the survey goes."""
WRIST_CLEARANCE = 0.08
"""m, that the joints' centres should keep from the soil; a wrist's radius is half of that."""


@dataclass(frozen=True)
class Reach:
    """What a survey of the workspace's grid found, for the arm configuration that suits it best."""

    poses: int
    """Bucket poses that were looked at."""
    unreachable: int
    """How many of them have no joint angles in this configuration."""
    singularity_distance: float
    """Smallest over the reachable poses, see `ur5e.singularity_distance`."""
    joint_margin: float
    """rad, smallest distance of any joint from the end of its range."""
    wrist_height: float
    """m, of the lowest of elbow, wrist joints and flange above the soil's nominal surface."""
    start_joints: Tuple[float, ...]
    """rad, of the task's start pose in this configuration."""

    @property
    def tool_speed(self) -> float:
        """m/s that the bucket can have everywhere without a joint exceeding its speed."""
        return ur5e.JOINT_SPEED_LIMIT * self.singularity_distance


def survey(
    cell: Cell, spec: TaskSpec, *, counts: Sequence[int] = (4, 4, 3, 4), margin: Sequence[float] = MARGIN
) -> Reach:
    """Look at a grid of bucket poses over the workspace of `spec`, `margin` beyond it on each side.

    Raises ValueError where not even the start pose can be reached.
    """
    axes = [
        np.linspace(low - m, high + m, n)
        for low, high, m, n in zip(spec.workspace_low, spec.workspace_high, margin, counts)
    ]
    poses = list(itertools.product(*axes))
    starts = {ur5e.configuration(q): q for q in ur5e.inverse(flange_matrix(cell, spec.start_pose), np.zeros(6))}
    if not starts:
        raise ValueError(f"a UR5e does not reach the start pose {spec.start_pose} here; check base_link_from_soil")
    found: Dict[Configuration, List[np.ndarray]] = {configuration: [] for configuration in starts}
    for pose in poses:
        for joints in ur5e.inverse(flange_matrix(cell, pose), np.zeros(6)):
            configuration = ur5e.configuration(joints)
            if configuration in starts:
                found[configuration].append(np.array(ur5e.nearest_turn(joints, starts[configuration])))
    surface = cell.base_from_soil.position[2]
    return max((_judge(len(poses), found[c], start, surface) for c, start in starts.items()), key=_preference)


def _preference(reach: Reach) -> Tuple[int, bool, float]:
    return -reach.unreachable, reach.wrist_height > WRIST_CLEARANCE, reach.singularity_distance


def _judge(poses: int, solutions: List[np.ndarray], start: np.ndarray, surface: float) -> Reach:
    """`solutions` are joint angles for as many different poses."""
    frames = [ur5e.joint_frames(joints) for joints in [start, *solutions]]
    return Reach(
        poses=poses,
        unreachable=poses - len(solutions),
        singularity_distance=min(ur5e.singularity_distance(joints) for joints in [start, *solutions]),
        joint_margin=ur5e.JOINT_LIMIT - float(np.abs([start, *solutions]).max()),
        wrist_height=float(min(frame[2, 3] for chain in frames for frame in chain[2:])) - surface,
        start_joints=tuple(start.tolist()),
    )


def flange_matrix(cell: Cell, bucket_pose: Sequence[float]) -> np.ndarray:
    """`base_from_tool0`, 4 x 4, for a bucket pose in the soil frame."""
    return (cell.base_from_soil @ Pose.from_bucket(bucket_pose) @ cell.tool0_from_bucket.inverse()).matrix()


@dataclass(frozen=True)
class Args:
    """Check that a UR5e reaches the whole workspace of the task in a cell."""

    cell: Optional[Path] = None
    """YAML file of the cell; without one, the nominal cell."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The `prpd reach` command."""
    import tyro

    args = tyro.cli(Args, args=argv, prog="prpd reach")
    try:
        reach = survey(Cell() if args.cell is None else Cell.load(args.cell), TaskSpec(), counts=(5, 5, 4, 5))
    except (OSError, ValueError) as error:
        print(f"prpd reach: {error}", file=sys.stderr)
        return 2
    print(f"reachable             {reach.poses - reach.unreachable} of {reach.poses} bucket poses in one configuration")
    print(f"singularity distance  {reach.singularity_distance:.3f}  (tool speed up to {reach.tool_speed:.2f} m/s)")
    print(f"joint margin          {np.degrees(reach.joint_margin):.0f} degrees")
    print(f"lowest joint          {reach.wrist_height * 1000:.0f} mm above the soil")
    return 0 if reach.unreachable == 0 else 1
