"""The arm's visible shapes, from its URDF, and where they are at given joint angles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio

from prpd_task.cell import Cell
from prpd_task.description import robot_description
from prpd_task.frames import Pose


@dataclass(frozen=True)
class Shape:
    """One primitive: a box with its full extents, or a cylinder with radius and length along z; m."""

    name: str
    kind: str
    size: tuple[float, ...]


class ArmShapes:
    """Forward kinematics of what a viewer draws."""

    def __init__(self, cell: Cell) -> None:
        description = robot_description(cell, maker=False)
        self._model = pinocchio.buildModelFromXML(description)
        kind = pinocchio.GeometryType.VISUAL
        self._geometry = pinocchio.buildGeomFromUrdfString(self._model, description, kind)
        self._data, self._places = self._model.createData(), self._geometry.createData()
        self._index = {n: i for i, n in enumerate(self._model.names[1:])}
        found = [(i, _shape(g)) for i, g in enumerate(self._geometry.geometryObjects)]
        self._drawn = [(i, shape) for i, shape in found if shape is not None]

    @property
    def shapes(self) -> list[Shape]:
        """In the order of `poses`."""
        return [shape for _, shape in self._drawn]

    def poses(self, names: list[str], positions: list[float]) -> list[Pose]:
        """`base_link_from_shape` of each shape; joints that are not named stand at 0 rad."""
        q = np.zeros(self._model.nq)
        for name, position in zip(names, positions, strict=True):
            if name in self._index:
                q[self._index[name]] = position
        pinocchio.updateGeometryPlacements(self._model, self._data, self._geometry, self._places, q)
        return [_pose(self._places.oMg[i]) for i, _ in self._drawn]


def _shape(geometry: pinocchio.GeometryObject) -> Shape | None:
    body = geometry.geometry
    if hasattr(body, "halfSide"):
        return Shape(geometry.name, "box", tuple(float(2 * v) for v in body.halfSide))
    if hasattr(body, "halfLength"):
        return Shape(geometry.name, "cylinder", (float(body.radius), float(2 * body.halfLength)))
    return None


def _pose(place: pinocchio.SE3) -> Pose:
    return Pose.from_arrays(place.translation, pinocchio.Quaternion(place.rotation).coeffs())
