"""Perception, policy and bucket driver on the robot, or on the twin with `twin:=true`.

`ros2 launch prpd_control excavate.launch.py --show-args` lists the arguments.
"""

from launch import LaunchDescription
from prpd_control.graph.checks import refuse_impossible
from prpd_control.graph.description import Options, excavation
from prpd_control.graph.launching import describe


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` starts."""
    return describe(Options, excavation, check=refuse_impossible)
