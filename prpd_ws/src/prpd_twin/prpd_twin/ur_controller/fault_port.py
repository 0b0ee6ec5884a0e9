"""Port 30021 (TCP): tests break things, one JSON object per line, and get one back.

| request | effect |
|---|---|
| `{"do": "state"}` | nothing; the reply tells the controller's state, as each reply does |
| `{"do": "protective_stop"}`, `{"do": "unlock"}` | as by a collision; as on the pendant (`unlock` skips the 5 s) |
| `{"do": "emergency_stop", "on": true}` | press the red button, or (`false`) turn it back |
| `{"do": "remote_control", "on": false}` | switch the pendant to local control, or back |
| `{"do": "power", "on": false}` | power the arm off, or on with its brakes released |
| `{"do": "freeze_link", "seconds": 0.5}` | nothing passes on RTDE for so long, sockets stay open |
| `{"do": "delay_link", "seconds": 0.05}` | RTDE is so late, each way, until changed |
| `{"do": "drop", "commands": 0.1, "states": 0.0}` | so many packets are lost, until changed |
| `{"do": "kill_link", "seconds": 1.0}` | all sockets are closed and none is accepted for so long |
| `{"do": "kill_rtde"}` | the RTDE sockets are closed, once |
| `{"do": "freeze_controller", "seconds": 0.5}` | the controller's cycle itself stands still for so long |
| `{"do": "force", "wrench": [0, 0, 0, 0, 0, 0]}` | as one request on the world port |
| `{"do": "restore"}` | all of that is over, and no program runs; the arm stays where it is |
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Callable, Dict, Mapping, Protocol

from prpd_twin.ur_controller.controller import Controller
from prpd_twin.ur_controller.link import LinkFaults


class Ports(Protocol):
    """What the fault port may do to the process."""

    controller: Controller
    faults: LinkFaults

    @property
    def worst_lateness(self) -> float:
        """S, by which a cycle of the last 2 s began too late."""

    def close_clients(self, *, rtde_only: bool) -> None:
        """Close the clients' sockets."""

    def freeze_cycle(self, seconds: float) -> None:
        """Let no cycle pass for so long."""


class Faults:
    """Carries out requests."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._robot = ports.controller
        self._actions: Dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "state": lambda request: None,
            "protective_stop": lambda request: self._robot.protective_stop("asked for through the fault port"),
            "unlock": lambda request: self._robot.unlock_protective_stop(at_once=True),
            "emergency_stop": lambda request: self._robot.emergency_stop(bool(request["on"])),
            "remote_control": self._remote_control,
            "power": self._power,
            "freeze_link": self._freeze_link,
            "delay_link": self._delay_link,
            "drop": self._drop,
            "kill_link": self._kill_link,
            "kill_rtde": lambda request: self._ports.close_clients(rtde_only=True),
            "freeze_controller": lambda request: self._ports.freeze_cycle(float(request["seconds"])),
            "restore": self._restore,
            "force": lambda request: self._robot.force.push(request["wrench"], self._robot.time),
        }

    def answer(self, line: bytes) -> Dict[str, Any]:
        """Do what a request asks; the reply has `ok`, the `state`, and `error` where it failed."""
        try:
            request = json.loads(line)
            action = self._actions.get(request["do"])
            if action is None:
                raise ValueError(f"{request['do']!r} is not one of {', '.join(self._actions)}")
            action(request)
        except (ValueError, KeyError, TypeError) as error:
            return {"ok": False, "error": f"{type(error).__name__}: {error}", "state": self.state()}
        return {"ok": True, "state": self.state()}

    def state(self) -> Dict[str, Any]:
        """What a person beside the robot would see."""
        robot = self._robot
        return {
            "time": robot.time,
            "robot_mode": robot.robot_mode.name,
            "safety_mode": robot.safety_mode.name,
            "runtime_state": robot.runtime.name,
            "remote_control": robot.remote_control,
            "stopped_because": robot.stopped_because,
            "steady": robot.arm.steady,
            "joints": robot.arm.actual.tolist(),
            "tcp_pose": robot.outputs["actual_TCP_pose"],
            "tcp_speed": robot.outputs["actual_TCP_speed"],
            "tcp_offset": robot.outputs["tcp_offset"],
            "payload": robot.force.payload.mass,
            "packages": robot.packages,
            "worst_lateness": self._ports.worst_lateness,
        }

    def _remote_control(self, request: Mapping[str, Any]) -> None:
        self._robot.remote_control = bool(request["on"])

    def _power(self, request: Mapping[str, Any]) -> None:
        self._robot.power(bool(request["on"]))
        if request["on"]:
            self._robot.release_brakes()

    def _freeze_link(self, request: Mapping[str, Any]) -> None:
        self._ports.faults.frozen_until = asyncio.get_running_loop().time() + float(request["seconds"])

    def _delay_link(self, request: Mapping[str, Any]) -> None:
        self._ports.faults.delay = float(request["seconds"])

    def _drop(self, request: Mapping[str, Any]) -> None:
        self._ports.faults.drop_commands = float(request.get("commands", 0.0))
        self._ports.faults.drop_states = float(request.get("states", 0.0))

    def _kill_link(self, request: Mapping[str, Any]) -> None:
        self._ports.faults.down = True
        self._ports.close_clients(rtde_only=False)
        asyncio.get_running_loop().call_later(float(request["seconds"]), self._link_up)

    def _link_up(self) -> None:
        self._ports.faults.down = False

    def _restore(self, request: Mapping[str, Any]) -> None:
        self._ports.faults.clear()
        self._robot.stop_program("everything was restored")
        self._robot.emergency_stop(False)
        self._robot.unlock_protective_stop(at_once=True)
        self._robot.remote_control = True
        self._robot.power(True)
        self._robot.release_brakes()


async def serve(ports: Ports, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client of the fault port."""
    faults = Faults(ports)
    try:
        while line := await reader.readline():
            writer.write(json.dumps(faults.answer(line)).encode() + b"\n")
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
