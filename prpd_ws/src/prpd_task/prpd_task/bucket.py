"""The bucket: one geometry for simulation, perception, URDF and safety.

Two shapes with the same bowl: `fork` (tines that let soil pass, as in the paper) and `solid` (plates that carry soil).
Both are lists of boxes in the bucket frame, which every engine, mesh library and URDF can build.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import List, Tuple

import numpy as np

from prpd_task.arrays import Array

SHAPES = ("fork", "solid")


@dataclass(frozen=True)
class Box:
    """A box in the bucket frame, turned about its x axis."""

    name: str
    centre: Tuple[float, float, float]
    """m."""
    size: Tuple[float, float, float]
    """m, full extents along its own axes."""
    pitch: float = 0.0
    """rad, rotation about the bucket's x axis."""


@dataclass(frozen=True)
class BucketGeometry:
    """Inner dimensions of the bowl, m; the origin is in the middle of its floor."""

    shape: str = "fork"
    """`fork` or `solid`."""
    width: float = 0.15
    """Along x, between the sides."""
    length: float = 0.12
    """Along y, from the back to the tips."""
    height: float = 0.075
    """Along z, of back and sides."""
    thickness: float = 0.005
    """Of plates and tines."""
    tines: int = 7
    """Across the width, `fork` only."""
    tine_width: float = 0.007
    """Along x, `fork` only."""
    mass: float = 0.45
    """kg, with its holder; for the arm's payload."""

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise ValueError(f"bucket shape {self.shape!r} is not known; choose one of {', '.join(SHAPES)}")
        for name in ("width", "length", "height", "thickness", "tine_width", "mass"):
            if not getattr(self, name) > 0:
                raise ValueError(f"bucket {name} must be positive, not {getattr(self, name)!r}")
        if self.shape == "fork" and (self.tines < 2 or self.tines * self.tine_width >= self.width):
            raise ValueError(
                f"{self.tines} tines of {self.tine_width} m do not fit a bucket {self.width} m wide; "
                "use fewer or thinner ones"
            )

    def boxes(self) -> List[Box]:
        """The pieces, none of which reaches into the bowl."""
        return self._fork() if self.shape == "fork" else self._solid()

    def _sides(self, height: float, bottom: float, name: str) -> List[Box]:
        t = self.thickness
        x = (self.width + t) / 2
        size = (t, self.length, height)
        return [
            Box(f"{side}_{name}", (s * x, 0.0, bottom + height / 2), size) for side, s in (("left", -1), ("right", 1))
        ]

    def _solid(self) -> List[Box]:
        t, w, h = self.thickness, self.width, self.height
        floor = Box("floor", (0.0, 0.0, -t / 2), (w + 2 * t, self.length, t))
        back = Box("back", (0.0, -(self.length + t) / 2, h / 2 - t / 2), (w + 2 * t, t, h + t))
        return [floor, back] + self._sides(h, 0.0, "side")

    def _fork(self) -> List[Box]:
        t, w, h = self.thickness, self.width, self.height
        boxes = []
        for i, x in enumerate(np.linspace(-(w - self.tine_width) / 2, (w - self.tine_width) / 2, self.tines)):
            boxes.append(Box(f"floor_tine_{i}", (float(x), 0.0, -t / 2), (self.tine_width, self.length, t)))
            boxes.append(
                Box(f"back_tine_{i}", (float(x), -(self.length + t) / 2, h / 2 - t / 2), (self.tine_width, t, h + t))
            )
        boxes.append(Box("top_bar", (0.0, -(self.length + t) / 2, h + t / 2), (w + 2 * t, t, t)))
        boxes.append(Box("bottom_bar", (0.0, -(self.length + t) / 2, -1.5 * t), (w + 2 * t, t, t)))
        for name, bottom in (("low", 0.005), ("high", 0.45 * h), ("top", h - t)):
            boxes += self._sides(t, bottom, name)
        return boxes

    def tips(self) -> np.ndarray:
        """(2, 3) m, left and right end of the cutting edge."""
        return np.array([[s * self.width / 2, self.length / 2, 0.0] for s in (-1, 1)])

    def corners(self) -> np.ndarray:
        """(8, 3) m, corners of the box around all pieces."""
        low, high = self.bounds()
        grid = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T
        return low + grid * (high - low)

    def bounds(self) -> Tuple[np.ndarray, np.ndarray]:
        """Lower and upper corner of the box around all pieces, m."""
        centres = np.array([b.centre for b in self.boxes()])
        halves = np.array([b.size for b in self.boxes()]) / 2
        return (centres - halves).min(0), (centres + halves).max(0)

    def contains(self, point: Array) -> Array:
        """Whether points (..., 3) of the bucket frame lie in the bowl (up to the height of its sides)."""
        x, y, z = point[..., 0], point[..., 1], point[..., 2]
        inside_x = (x > -self.width / 2) & (x < self.width / 2)
        inside_y = (y > -self.length / 2) & (y < self.length / 2)
        return inside_x & inside_y & (z > 0) & (z < self.height)

    def hash(self) -> str:
        """Digest of the geometry: a policy runs only with the bucket that it was trained with."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]
