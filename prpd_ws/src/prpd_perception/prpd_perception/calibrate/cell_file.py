"""Write a cell's YAML file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from prpd_task.cell import Cell, Intrinsics
from prpd_task.frames import Pose


def write(path: Path, cell: Cell, soil_from_camera: Pose, intrinsics: Intrinsics) -> None:
    """The cell with another camera, so that `Cell.load` gives it back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = replace(cell, soil_from_camera=soil_from_camera, intrinsics=intrinsics).to_dict()
    path.write_text(yaml.safe_dump(_plain(content), sort_keys=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (tuple, list)) else value
