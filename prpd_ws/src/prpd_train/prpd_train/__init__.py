"""Progressive-resolution policy distillation: scenes, simulators, learning, evaluation, export. Knows no ROS."""
