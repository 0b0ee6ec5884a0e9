"""Which processes make up the running system, and a launcher for where there is no `ros2` command."""
