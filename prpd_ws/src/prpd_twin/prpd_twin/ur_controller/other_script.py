"""A program that is not `ur_rtde`'s control script: URScript is not interpreted, it only shows that it ran."""

from __future__ import annotations

from prpd_twin.ur_controller.host import Host

CYCLES = 10
"""Of its life."""


class OtherScript:
    """Plays for some cycles and reports itself done the way `ur_rtde`'s custom scripts do."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._left = CYCLES
        host.log("this program is not interpreted, it only plays for some cycles")

    def cycle(self) -> bool:
        """One period; False at the end."""
        self._left -= 1
        self._host.outputs["output_int_register_0"] = 1 if self._left > 0 else 2
        return self._left > -CYCLES
