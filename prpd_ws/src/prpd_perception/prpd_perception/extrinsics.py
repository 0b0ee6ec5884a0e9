"""Where the camera stands: from the cell's file or from TF."""

from __future__ import annotations

from dataclasses import replace

from rclpy.node import Node

from prpd_perception.estimate import BadImageError
from prpd_perception.parameters import Parameters
from prpd_task.cell import Cell
from prpd_task.frames import Pose


class Extrinsics:
    """Looks up soil_from_camera."""

    def __init__(self, node: Node, parameters: Parameters) -> None:
        self._cell = Cell.load(parameters.cell_file) if parameters.cell_file else Cell()
        self._buffer = None
        if parameters.extrinsics == "tf":
            try:
                from tf2_ros import Buffer, TransformListener
            except ImportError as error:
                raise ImportError(
                    "extrinsics from TF need the package tf2_ros; install it or set extrinsics to `cell`"
                ) from error
            self._buffer = Buffer()
            self._listener = TransformListener(self._buffer, node)

    def close(self) -> None:
        """Listen no more."""
        if self._buffer is not None:
            self._listener.unregister()

    def cell(self, camera_frame: str) -> Cell:
        """The cell with the camera where it is; `BadImageError` while TF does not know it."""
        if self._buffer is None:
            return self._cell
        from rclpy.time import Time

        if not self._buffer.can_transform("soil", camera_frame, Time()):
            raise BadImageError(
                f"TF does not know frame {camera_frame!r} in frame 'soil' yet; publish the camera's pose"
            )
        t = self._buffer.lookup_transform("soil", camera_frame, Time()).transform
        r = t.rotation
        pose = Pose.from_arrays((t.translation.x, t.translation.y, t.translation.z), (r.x, r.y, r.z, r.w))
        return replace(self._cell, soil_from_camera=pose)
