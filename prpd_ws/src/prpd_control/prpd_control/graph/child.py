"""Start of one process of the graph: die with the launcher, then become the node.

`python -m prpd_control.graph.child prpd_control.excavate.node:main --ros-args -p policy:=...` runs a function;
`python child.py --exec PROGRAM ...` any program. Only Python's standard library is imported before.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
LAUNCHER_PID = "PRPD_LAUNCHER_PID"
"""Environment variable: the process whose end is this one's end."""


def main() -> int:
    """Run the named function with the remaining arguments as `sys.argv[1:]`, or replace this process by a program."""
    target, *arguments = sys.argv[1:]
    die_with_launcher()
    # Until the node takes its signals itself there is nothing to tidy up; a traceback out of an import tells nobody.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if target == "--exec":
        os.execvp(arguments[0], arguments)
    module, function = target.split(":")
    sys.argv = [module, *arguments]
    return int(getattr(importlib.import_module(module), function)() or 0)


def die_with_launcher() -> None:
    """Have the kernel kill this process when its launcher dies, however that happens.

    SIGKILL and nothing softer: a process that hangs would survive, and an arm that streams is stopped by the
    controller's own watchdog, which is there for exactly this.
    """
    launcher = int(os.environ.get(LAUNCHER_PID, "0"))
    if not launcher:
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != launcher:  # it died before the line above took effect
        sys.exit("the launcher is gone")


if __name__ == "__main__":
    sys.exit(main())
