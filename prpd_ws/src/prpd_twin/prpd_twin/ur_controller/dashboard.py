"""Port 29999: the dashboard server's commands, in a real controller's wording."""

from __future__ import annotations

from typing import Callable, Dict, Tuple

from prpd_twin.ur_controller.controller import Controller
from prpd_twin.ur_controller.safety import RobotMode, RuntimeState

BANNER = "Connected: Universal Robots Dashboard Server"
SERIAL_NUMBER = "20235500001"
_REFUSED_WORDS = "Failed to execute: {}"

Reply = Callable[["Dashboard", str], str]


class Dashboard:
    """Answers one line at a time."""

    def __init__(self, controller: Controller, version: Tuple[int, int, int, int]) -> None:
        self._robot = controller
        self._version = version

    def answer(self, line: str) -> str:
        """The reply to a command."""
        command = line.strip()
        for name in _LONGEST_FIRST:
            if command.lower() == name or command.lower().startswith(name + " "):
                return _COMMANDS[name](self, command[len(name) :].strip())
        return f"could not understand: '{command}'"

    def _running(self) -> bool:
        return self._robot.runtime == RuntimeState.PLAYING

    def _remote(self, command: str, done: bool, words: str) -> str:
        return words if done else _REFUSED_WORDS.format(command)

    def _stop(self, _: str) -> str:
        if not self._robot.remote_control:
            return _REFUSED_WORDS.format("stop")
        self._robot.stop_program("the dashboard stopped it")
        return "Stopped"

    def _load(self, name: str) -> str:
        if not self._robot.remote_control or not name.endswith(".urp"):
            return f"File not found: {name}" if self._robot.remote_control else _REFUSED_WORDS.format("load")
        self._robot.stop_program("another program was loaded")
        self._robot.loaded = name
        return f"Loading program: {name}"

    def _unlock(self, _: str) -> str:
        if self._robot.unlock_protective_stop():
            return "Protective stop releasing"
        return (
            "Cannot unlock protective stop until 5s after occurrence. "
            "Always inspect cause of protective stop before unlocking"
        )

    def _power(self, on: bool) -> str:
        words = "Powering on" if on else "Powering off"
        if not self._robot.remote_control:
            return _REFUSED_WORDS.format("power on" if on else "power off")
        self._robot.power(on)
        return words

    def _release(self, _: str) -> str:
        if not self._robot.remote_control:
            return _REFUSED_WORDS.format("brake release")
        self._robot.release_brakes()
        return "Brake releasing"

    def _note(self, text: str, words: str) -> str:
        self._robot.log(f"dashboard: {text}")
        return words

    def _polyscope_version(self, _: str) -> str:
        return "URSoftware {}.{}.{}.{} (Mar 22 2022)".format(*self._version)

    def _loaded_program(self, _: str) -> str:
        return f"Loaded program: {self._robot.loaded}" if self._robot.loaded else "No program loaded"

    def _program_state(self, _: str) -> str:
        name = self._robot.program_name or self._robot.loaded or "<unnamed>"
        return f"{self._robot.runtime.name} {name}"

    def _safety(self) -> str:
        return self._robot.safety_mode.name


_MODES = {RobotMode.POWER_OFF: "POWER_OFF", RobotMode.IDLE: "IDLE", RobotMode.RUNNING: "RUNNING"}

_COMMANDS: Dict[str, Reply] = {
    "polyscopeversion": Dashboard._polyscope_version,
    "get serial number": lambda d, _: SERIAL_NUMBER,
    "get robot model": lambda d, _: "UR5",
    "is in remote control": lambda d, _: str(d._robot.remote_control).lower(),
    "stop": Dashboard._stop,
    "play": lambda d, _: d._remote("play", d._robot.play(), "Starting program"),
    "pause": lambda d, _: d._remote("pause", d._robot.pause(), "Pausing program"),
    "load": Dashboard._load,
    "unlock protective stop": Dashboard._unlock,
    "running": lambda d, _: f"Program running: {str(d._running()).lower()}",
    "robotmode": lambda d, _: f"Robotmode: {_MODES[d._robot.robot_mode]}",
    "safetymode": lambda d, _: f"Safetymode: {d._safety()}",
    "safetystatus": lambda d, _: f"Safetystatus: {d._safety()}",
    "programstate": Dashboard._program_state,
    "get loaded program": Dashboard._loaded_program,
    "isprogramsaved": lambda d, _: f"true {d._robot.loaded or '<unnamed>'}",
    "addtolog": lambda d, text: d._note(text, "Added log message"),
    "popup": lambda d, text: d._note(text, "showing popup"),
    "close popup": lambda d, _: "closing popup",
    "close safety popup": lambda d, _: "closing safety popup",
    "restart safety": lambda d, _: "Restarting safety",
    "power on": lambda d, _: d._power(on=True),
    "power off": lambda d, _: d._power(on=False),
    "brake release": Dashboard._release,
    "setuserrole": lambda d, role: f"Setting user role: {role}",
    "quit": lambda d, _: "Disconnected",
    "shutdown": lambda d, _: "Shutting down",
}
_LONGEST_FIRST = sorted(_COMMANDS, key=len, reverse=True)
