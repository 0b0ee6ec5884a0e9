"""Signals in a program's last moments."""

from __future__ import annotations

import signal


def ignore_signals() -> None:
    """From here on Ctrl-C and SIGTERM change nothing: for a program that has tidied up and has only its end to come.

    The interpreter gives its handlers up before it ends. A second signal, which launchers and people send, would kill
    what is all but gone, and launchers take that for a crash.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
