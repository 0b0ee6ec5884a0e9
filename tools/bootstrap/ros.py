"""Which ROS 2 there is: a system's own, sourced in this shell, or the one from Python wheels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

from bootstrap.console import Problem

DISTRIBUTION = "jazzy"
PREFIX_VARIABLES = ("AMENT_PREFIX_PATH", "AMENT_CURRENT_PREFIX", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH")
ROS_VARIABLES = (*PREFIX_VARIABLES, "ROS_DISTRO", "ROS_VERSION", "ROS_PYTHON_VERSION", "ROS_PACKAGE_PATH")


@dataclass(frozen=True)
class Ros:
    """Where ROS 2 comes from."""

    source: str
    """`system` or `wheels`."""
    describe: str
    """One line for the user."""


def detect(environment: Mapping[str, str]) -> Ros:
    """The ROS 2 to use; `PRPD_ROS=wheels` or `PRPD_ROS=system` decides where both would do."""
    choice = environment.get("PRPD_ROS", "")
    if choice not in ("", "system", "wheels"):
        raise Problem(f"PRPD_ROS={choice} is neither `system` nor `wheels`.", "Correct the variable, or unset it.")
    distribution = environment.get("ROS_DISTRO", "")
    if choice == "wheels" or (not choice and not distribution):
        hint = ""
        if not distribution and os.path.isdir(f"/opt/ros/{DISTRIBUTION}"):
            hint = f" (to use the system's, run `source /opt/ros/{DISTRIBUTION}/setup.bash` first)"
        return Ros("wheels", f"ROS 2 {DISTRIBUTION.capitalize()} from Python wheels in .venv{hint}")
    if not distribution:
        raise Problem(
            "PRPD_ROS=system, but no ROS 2 is sourced in this shell.",
            f"Run `source /opt/ros/{DISTRIBUTION}/setup.bash` first, or unset PRPD_ROS.",
        )
    if distribution != DISTRIBUTION:
        raise Problem(
            f"ROS {distribution!r} is sourced in this shell (ROS_DISTRO={distribution}); this workspace is for ROS 2 "
            f"{DISTRIBUTION.capitalize()}.",
            f"Use a shell without it, or source /opt/ros/{DISTRIBUTION}/setup.bash in a new one, or run with "
            "PRPD_ROS=wheels to leave the sourced one aside.",
        )
    prefixes = environment.get("AMENT_PREFIX_PATH", "")
    prefix = prefixes.split(os.pathsep)[-1]
    if not prefix or not Path(prefix, "share", "rclpy").is_dir():
        raise Problem(
            f"ROS_DISTRO={distribution}, but AMENT_PREFIX_PATH={prefixes} holds no rclpy.",
            "Source the distribution's setup.bash again, or run with PRPD_ROS=wheels.",
        )
    return Ros("system", f"ROS 2 {DISTRIBUTION.capitalize()} of the system in {prefix}")


def without_ros(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what a sourced ROS has put there."""
    prefixes = [p for p in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p] + ["/opt/ros/"]
    clean = {name: value for name, value in environment.items() if name not in ROS_VARIABLES and name != "PYTHONPATH"}
    for name in ("PATH", "LD_LIBRARY_PATH", "PKG_CONFIG_PATH"):
        if name in clean:
            kept = [p for p in clean[name].split(os.pathsep) if p and not p.startswith(tuple(prefixes))]
            clean[name] = os.pathsep.join(kept)
    return {name: value for name, value in clean.items() if value}
