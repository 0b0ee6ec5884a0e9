"""Run `python -m prpd_train.engines.isaacgym MODULE ARGUMENTS`: MODULE, with Isaac Gym imported before torch."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: python -m prpd_train.engines.isaacgym MODULE [ARGUMENTS]")
    # By now this package has been imported, and Isaac Gym with it.
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
