"""Where things stand in the cell: arm, bucket, soil box, camera. Measured on a real cell, nominal for the twin."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple, Union

import numpy as np

from prpd_task.errors import UserError
from prpd_task.frames import Pose

BASE_LINK_FROM_BASE = Pose.from_rpy((0.0, 0.0, 0.0), yaw=np.pi)
"""A UR controller's `base` is REP-103's `base_link` turned by pi about z."""


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera without distortion (what a depth driver publishes as rectified)."""

    width: int = 640
    """px."""
    height: int = 480
    """px."""
    fx: float = 385.0
    """px."""
    fy: float = 385.0
    """px."""
    cx: float = 319.5
    """px."""
    cy: float = 239.5
    """px."""


def look_at(eye: Tuple[float, float, float], target: Tuple[float, float, float]) -> Pose:
    """Pose of a camera's optical frame (x right, y down, z forward) at `eye`, looking at `target`, m."""
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward], 1)
    angle_axis = _quaternion_of(rotation)
    return Pose.from_arrays(eye, angle_axis)


def _quaternion_of(rotation: np.ndarray) -> np.ndarray:
    """(x, y, z, w) of a rotation matrix: the eigenvector of Bar-Itzhack's symmetric matrix, exact for any angle."""
    m = rotation
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
            [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
            [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    return np.linalg.eigh(k)[1][:, -1]


@dataclass(frozen=True)
class Cell:
    """Fixed transforms of one robot cell."""

    base_link_from_soil: Pose = field(default_factory=lambda: Pose.from_rpy((0.48, 0.0, -0.27), yaw=-0.15))
    """The arm's REP-103 base to the soil frame. The bucket digs past the arm, from its right to its left, because a
    UR5e does not reach the whole workspace towards and away from its base; see `prpd reach`."""
    tool0_from_bucket: Pose = field(default_factory=lambda: Pose.from_rpy((0.0, -0.021, 0.30), roll=np.pi + 0.17))
    """The arm's flange to the bucket: the TCP. A level bucket hangs under a flange that points down, but for 10 degrees
    that keep the wrist away from its singularity when the bucket curls."""
    soil_from_camera: Pose = field(default_factory=lambda: look_at((0.0, 0.50, 0.60), (0.0, 0.0, 0.02)))
    """The soil frame to the camera's optical frame (x right, y down, z forward)."""
    intrinsics: Intrinsics = field(default_factory=Intrinsics)

    @property
    def base_from_soil(self) -> Pose:
        """The UR controller's own base frame to the soil frame."""
        return BASE_LINK_FROM_BASE.inverse() @ self.base_link_from_soil

    def to_dict(self) -> Dict[str, Any]:
        """Plain lists and numbers, for a YAML file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Cell:
        """From such a mapping; fields that it leaves out keep their nominal value, unknown ones are refused."""
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise UserError(f"unknown cell fields {unknown}; known are {sorted(known)}")
        values: Dict[str, Any] = {}
        for name, value in data.items():
            try:
                if name == "intrinsics":
                    values[name] = Intrinsics(**value)
                else:
                    values[name] = Pose.from_arrays(value["position"], value["quaternion"])
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"cell field {name!r} is not readable ({error}); it was {value!r}") from error
        return cls(**values)

    @classmethod
    def load(cls, path: Union[str, Path]) -> Cell:
        """From a YAML file as `to_dict` describes it."""
        import yaml

        data = yaml.safe_load(Path(path).read_text())
        if not isinstance(data, Mapping):
            raise UserError(f"{path} is no cell description: expected fields such as base_link_from_soil")
        return cls.from_dict(data)
