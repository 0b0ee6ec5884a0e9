"""The cell's URDF: the xacro files of `urdf/`, fed with the numbers of `Cell` and `BucketGeometry`.

python -m prpd_task.description > cell.urdf          # the URDF of the nominal cell
python -m prpd_task.description --write-data         # bring urdf/cell.yaml up to date
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose

SOIL_BOX = {"size": [0.40, 0.44, 0.13], "wall": 0.012}
"""m, inner extents along the soil frame's axes, and the boards' thickness."""
HOLDER_WIDTH = 0.03
"""m, of the bar from flange to bucket."""


def urdf_directory() -> Path:
    """Where the xacro files are: the source tree's `urdf/`, or the share folder of an installed package."""
    root = Path(__file__).resolve().parents[4]
    candidates = [root / "urdf", root / "share" / "prpd_task" / "urdf"]
    for folder in candidates:
        if (folder / "cell.urdf.xacro").is_file():
            return folder
    raise FileNotFoundError(f"cell.urdf.xacro is in none of {', '.join(map(str, candidates))}; reinstall prpd_task")


def robot_description(
    cell: Optional[Cell] = None, bucket: Optional[BucketGeometry] = None, *, maker: Optional[bool] = None
) -> str:
    """URDF of the whole cell, as text; the nominal one without arguments.

    `maker` chooses the arm of the package `ur_description` (the maker's meshes, the same kinematics) or our own
    primitives; None takes the maker's where it is installed.
    """
    import xacro
    import yaml

    if maker is None:
        maker = has_ur_description()
    data = description_data(Cell() if cell is None else cell, BucketGeometry() if bucket is None else bucket)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        yaml.safe_dump(data, file)
        file.flush()
        mappings = {"cell": file.name, "use_ur_description": str(maker).lower()}
        return str(xacro.process_file(str(urdf_directory() / "cell.urdf.xacro"), mappings=mappings).toxml())


def has_ur_description() -> bool:
    """Whether the package `ur_description` is installed in the sourced workspaces."""
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return any(prefix and (Path(prefix) / "share" / "ur_description").is_dir() for prefix in prefixes)


def description_data(cell: Cell, bucket: BucketGeometry) -> Dict[str, Any]:
    """What the xacro files read: plain lists and numbers."""
    flange = cell.tool0_from_bucket.inverse().position
    return {
        "base_link_from_soil": _place(cell.base_link_from_soil),
        "tool0_from_bucket": _place(cell.tool0_from_bucket),
        "soil_from_camera": _place(cell.soil_from_camera),
        "soil_box": SOIL_BOX,
        "bucket": {
            "boxes": [
                {"name": b.name, "xyz": _floats(b.centre), "rpy": [_round(b.pitch), 0.0, 0.0], "size": _floats(b.size)}
                for b in bucket.boxes()
            ],
            "holder": [_holder(bucket, flange)],
            **_mass(bucket),
        },
    }


def _holder(bucket: BucketGeometry, flange: Sequence[float]) -> Dict[str, Any]:
    """A bar from the top of the bucket's back to the flange, both in the bucket frame."""
    start = np.array([0.0, -(bucket.length + bucket.thickness) / 2, bucket.height])
    way = np.array(flange) - start
    length = float(np.linalg.norm(way))
    roll, pitch = np.arcsin(-way[1] / length), np.arctan2(way[0], way[2])
    return {
        "name": "holder",
        "xyz": _floats(start + way / 2),
        "rpy": [_round(roll), _round(pitch), 0.0],
        "size": _floats((HOLDER_WIDTH, HOLDER_WIDTH, length)),
    }


def _mass(bucket: BucketGeometry) -> Dict[str, Any]:
    """Mass, centre of gravity and diagonal inertia (kg m^2), the pieces taken as points of equal density."""
    boxes = bucket.boxes()
    shares = np.array([np.prod(box.size) for box in boxes])
    shares = shares / shares.sum() * bucket.mass
    centres = np.array([box.centre for box in boxes])
    cog = shares @ centres / bucket.mass
    squares = shares @ (centres - cog) ** 2
    own = shares @ (np.array([box.size for box in boxes]) ** 2 / 12)
    total = squares + own
    return {"mass": bucket.mass, "cog": _floats(cog), "inertia": _floats(total.sum() - total, digits=7)}


def _place(pose: Pose) -> Dict[str, List[float]]:
    return {"xyz": _floats(pose.position), "rpy": _floats(_rpy(pose), digits=12)}


def _rpy(pose: Pose) -> Tuple[float, float, float]:
    """Fixed-axis roll, pitch, yaw of a pose."""
    m = pose.matrix()
    pitch = np.arctan2(-m[2, 0], np.hypot(m[0, 0], m[1, 0]))
    if np.hypot(m[0, 0], m[1, 0]) < 1e-9:
        return 0.0, float(pitch), float(np.arctan2(-m[0, 1], m[1, 1]))
    return float(np.arctan2(m[2, 1], m[2, 2])), float(pitch), float(np.arctan2(m[1, 0], m[0, 0]))


def _floats(values: Sequence[float], digits: int = 9) -> List[float]:
    return [_round(v, digits) for v in values]


def _round(value: float, digits: int = 9) -> float:
    return round(float(value), digits) + 0.0  # no negative zero


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Print the nominal cell's URDF, or write what its xacro reads."""
    import yaml

    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--write-data"]:
        path = urdf_directory() / "cell.yaml"
        head = "# Written by `python -m prpd_task.description --write-data` from prpd_task's Cell and BucketGeometry.\n"
        path.write_text(head + yaml.safe_dump(description_data(Cell(), BucketGeometry()), sort_keys=False))
        return 0
    if arguments:
        print(f"unknown arguments {arguments}; there is only --write-data", file=sys.stderr)
        return 2
    print(robot_description())
    return 0


if __name__ == "__main__":
    sys.exit(main())
