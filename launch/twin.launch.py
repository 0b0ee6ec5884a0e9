"""The twin alone: emulated controller, simulated soil box, virtual camera. For a graph that is started elsewhere."""

from launch import LaunchDescription
from prpd_control.graph.description import Options, twin
from prpd_control.graph.launching import describe


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` starts."""
    return describe(Options, twin, twin=True)
