"""Where the files that come with the package are, in a source tree and in an installed one."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import prpd_control


def share() -> Path:
    """Folder with `launch/`, `policies/`, `urdf/`: the package's folder in the source tree, else its share folder."""
    source = Path(prpd_control.__file__).resolve().parents[1]
    if (source / "package.xml").is_file():
        return source
    from ament_index_python.packages import get_package_share_directory

    return Path(get_package_share_directory("prpd_control"))


def shipped_policy() -> Path:
    """The policy that comes with the product."""
    return share() / "policies" / "paper.onnx"


def program(package: str, executable: str) -> Path | None:
    """An executable of a package in the sourced workspaces; None where it is not installed."""
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    found = [path for p in prefixes if (path := Path(p) / "lib" / package / executable).is_file()]
    return found[0] if found else None


def message_folders() -> list[Path]:
    """Folders that hold `<package>/msg/*.msg`: this interpreter's, and those of the sourced workspaces."""
    prefixes = [sysconfig.get_path("data"), *os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)]
    return [Path(p) / "share" for p in prefixes if p and (Path(p) / "share").is_dir()]
