"""Stands in for camera and perception in tests of what follows them: the rock's state, taken from the soil's truth."""

from __future__ import annotations

from rclpy.node import Node

from prpd_interfaces.msg import RockState, SoilState
from prpd_ros.process import spin


class TruthfulPerception(Node):
    def __init__(self) -> None:
        super().__init__("rock_state")
        self._rocks = self.create_publisher(RockState, "rock/state", 10)
        self.create_subscription(SoilState, "soil/state", self._on_soil, 10)

    def _on_soil(self, soil: SoilState) -> None:
        rock = RockState(
            header=soil.header,
            size=soil.rock_size,
            visible_fraction=1.0,
            confidence=1.0,
            in_bucket=float(soil.in_bucket),
            surface_height=soil.surface_height,
            status=RockState.STATUS_OK,
        )
        rock.pose.pose = soil.rock
        self._rocks.publish(rock)


def main() -> int:
    return spin(TruthfulPerception)
