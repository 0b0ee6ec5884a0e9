"""The cell's URDF: the xacro files of `urdf/`."""

from __future__ import annotations

from pathlib import Path


def urdf_directory() -> Path:
    """Where the xacro files are: the source tree's `urdf/`, or the share folder of an installed package."""
    here = Path(__file__).resolve()
    candidates = [here.parents[4] / "urdf", here.parents[4] / "share" / "prpd_task" / "urdf"]
    for folder in candidates:
        if (folder / "cell.urdf.xacro").is_file():
            return folder
    raise FileNotFoundError(f"cell.urdf.xacro is in none of {', '.join(map(str, candidates))}; reinstall prpd_task")


def robot_description() -> str:
    """URDF of the whole cell, as text."""
    import xacro

    return str(xacro.process_file(str(urdf_directory() / "cell.urdf.xacro")).toxml())
