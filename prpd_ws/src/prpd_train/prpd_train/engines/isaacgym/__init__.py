"""The scenes in NVIDIA's Isaac Gym Preview 4, on a GPU or (for a look) on a CPU. See docs/isaac_gym.md.

Importing this package imports Isaac Gym, which must come before torch. `python -m prpd_train.engines.isaacgym MODULE`
runs any program that way.
"""

from __future__ import annotations

import sys

if "torch" in sys.modules and "isaacgym.gymapi" not in sys.modules:
    raise RuntimeError(
        "torch was imported before Isaac Gym, which must come first; start the program as "
        "`python -m prpd_train.engines.isaacgym MODULE ARGUMENTS` instead of `python -m MODULE ARGUMENTS`"
    )

import isaacgym.gymapi  # noqa: F401
