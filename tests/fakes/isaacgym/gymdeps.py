"""Isaac Gym's native libraries must be loaded before torch's."""

import sys

if "torch" in sys.modules:
    raise ImportError("PyTorch was imported before isaacgym modules")
