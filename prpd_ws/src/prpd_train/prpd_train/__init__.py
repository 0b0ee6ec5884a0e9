"""Progressive-resolution policy distillation: scenes, simulators, environment, learning, evaluation, export. Knows no ROS."""
