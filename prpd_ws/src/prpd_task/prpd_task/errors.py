"""Errors that are the user's to mend."""

from __future__ import annotations


class UserError(ValueError):
    """Something outside the program is wrong: a file, an option, a device, a peer.

    The message names the thing, its value and the remedy; the command line prints it alone, without a traceback.
    """
