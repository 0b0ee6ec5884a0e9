"""Processes that do not outlive the one that started them, however that ends.

`python parent.py PROGRAM ARGUMENTS` becomes PROGRAM, which then ends with its parent. Imports the standard library
alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Dict

# Without site and the user's PYTHON* variables: it has become the program before that has read anything.
ENDING_WITH_PARENT = (sys.executable, "-I", "-S", os.path.abspath(__file__))
"""Before a command, in an environment that holds `as_parent()`."""
PARENT_PID = "PRPD_PARENT_PID"
"""Environment variable: the process whose end is this one's end."""
PR_SET_PDEATHSIG = 1


def as_parent() -> Dict[str, str]:
    """What this process adds to the environment of those that are to end with it."""
    return {PARENT_PID: str(os.getpid())}


def end_with_parent() -> None:
    """Have the kernel kill this process when the one that is named in its environment dies; nothing if none is.

    SIGKILL and nothing softer, which a process that hangs would survive. Those that this one starts likewise, end
    with it in turn.
    """
    parent = int(os.environ.get(PARENT_PID, "0"))
    if not parent:
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:  # it died before the line above took effect
        sys.exit("the process that started this one is gone")
    os.environ.update(as_parent())


def main() -> None:
    """Become the named program, which ends with its parent, and upon Ctrl-C if it does not say otherwise."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a script's `command &` has it ignored
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
