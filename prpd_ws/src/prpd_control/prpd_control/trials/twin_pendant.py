"""The twin's operator: does on the emulated controller what a person does at the pendant of a real one.

Nothing else in the product unlocks a protective stop, and this reaches loopback addresses only.
"""

from __future__ import annotations

import ipaddress
import socket
import time

DASHBOARD_PORT = 29999
UNLOCK_PAUSE = 5.5
"""s, that a UR controller asks for between a protective stop and its release."""
HEARD_AFTER = 0.2
"""s, after which all who listen to the controller know of the release."""


class PendantError(RuntimeError):
    """The emulated controller did not do as it was told."""


def release(address: str) -> None:
    """Confirm and release a protective stop of the emulated controller at `address`."""
    if not ipaddress.ip_address(address).is_loopback:
        raise PendantError(f"{address} is no emulated controller: a person must release a real robot's stop")
    time.sleep(UNLOCK_PAUSE)
    with socket.create_connection((address, DASHBOARD_PORT), timeout=5.0) as connection:
        lines = connection.makefile("rw", newline="\n")
        lines.readline()  # the greeting
        for command in ("close safety popup", "unlock protective stop"):
            lines.write(command + "\n")
            lines.flush()
            answer = lines.readline().strip()
        if not answer.startswith("Protective stop releasing"):
            raise PendantError(f"the controller at {address} answered {answer!r} to `unlock protective stop`")
    time.sleep(HEARD_AFTER)
