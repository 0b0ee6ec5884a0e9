"""What every node of ours shares: how its process runs and ends. Knows ROS, and nothing of the task."""
