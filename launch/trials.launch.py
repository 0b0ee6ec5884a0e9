"""A batch of trials, on the robot or on the twin.

`ros2 launch prpd_control trials.launch.py batch:=mine.yaml twin:=true`
"""

from launch import LaunchDescription
from prpd_control.graph.checks import refuse_impossible_batch
from prpd_control.graph.description import TrialOptions, trials
from prpd_control.graph.launching import describe


def generate_launch_description() -> LaunchDescription:
    """What `ros2 launch` starts."""
    return describe(TrialOptions, trials, check=refuse_impossible_batch)
