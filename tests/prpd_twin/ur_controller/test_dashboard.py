from __future__ import annotations

import re

import pytest

from prpd_twin.ur_controller.dashboard import Dashboard
from prpd_twin.ur_controller.main import VERSION
from prpd_twin.ur_controller.safety import RuntimeState


@pytest.fixture
def desk(bench):
    return bench, Dashboard(bench.robot, VERSION)


def test_wording_of_a_healthy_robot(desk) -> None:
    bench, dashboard = desk
    assert re.search(r"\d+\.\d+\.\d+\.\d+", dashboard.answer("PolyscopeVersion"))
    assert dashboard.answer("get serial number").isdigit()
    assert dashboard.answer("is in remote control") == "true"
    assert dashboard.answer("robotmode") == "Robotmode: RUNNING"
    assert dashboard.answer("safetymode") == "Safetymode: NORMAL"
    assert dashboard.answer("safetystatus") == "Safetystatus: NORMAL"
    assert dashboard.answer("RUNNING ") == "Program running: true"
    assert dashboard.answer("programState") == "PLAYING rtde_control"
    assert dashboard.answer("get robot model") == "UR5"


def test_stop_is_answered_the_same_whether_or_not_something_runs(desk) -> None:
    bench, dashboard = desk
    assert dashboard.answer("stop") == "Stopped"
    assert bench.robot.runtime == RuntimeState.STOPPED
    assert dashboard.answer("stop") == "Stopped"
    assert dashboard.answer("running") == "Program running: false"


def test_pause_and_play(desk) -> None:
    bench, dashboard = desk
    assert dashboard.answer("pause") == "Pausing program"
    assert dashboard.answer("programState").startswith("PAUSED")
    assert dashboard.answer("pause") == "Failed to execute: pause"
    assert dashboard.answer("play") == "Starting program"
    assert bench.robot.runtime == RuntimeState.PLAYING
    dashboard.answer("stop")
    assert dashboard.answer("play") == "Failed to execute: play", "nothing is loaded"


def test_load_and_play_a_program(desk) -> None:
    bench, dashboard = desk
    assert dashboard.answer("load dig.txt") == "File not found: dig.txt"
    assert dashboard.answer("load dig.urp") == "Loading program: dig.urp"
    assert dashboard.answer("get loaded program") == "Loaded program: dig.urp"
    assert dashboard.answer("play") == "Starting program"
    bench.run(0.05)
    assert dashboard.answer("programState") == "PLAYING dig.urp"


def test_protective_stop_is_unlocked_only_after_five_seconds(desk) -> None:
    bench, dashboard = desk
    bench.robot.protective_stop("a test")
    bench.run(1.0)
    assert dashboard.answer("safetymode") == "Safetymode: PROTECTIVE_STOP"
    assert dashboard.answer("unlock protective stop").startswith("Cannot unlock")
    assert dashboard.answer("play") == "Failed to execute: play"
    bench.run(4.1)
    assert dashboard.answer("unlock protective stop") == "Protective stop releasing"
    assert dashboard.answer("safetymode") == "Safetymode: NORMAL"


def test_power_and_brakes(desk) -> None:
    _, dashboard = desk
    assert dashboard.answer("power off") == "Powering off"
    assert dashboard.answer("robotmode") == "Robotmode: POWER_OFF"
    assert dashboard.answer("power on") == "Powering on"
    assert dashboard.answer("robotmode") == "Robotmode: IDLE"
    assert dashboard.answer("brake release") == "Brake releasing"
    assert dashboard.answer("robotmode") == "Robotmode: RUNNING"


@pytest.mark.parametrize("command", ["play", "stop", "load a.urp", "power off", "power on", "brake release"])
def test_local_control_refuses_to_act_but_answers_questions(desk, command: str) -> None:
    bench, dashboard = desk
    bench.robot.remote_control = False
    assert dashboard.answer(command).startswith("Failed to execute: ")
    assert bench.robot.runtime == RuntimeState.PLAYING
    assert dashboard.answer("is in remote control") == "false"


def test_what_it_does_not_understand(desk) -> None:
    _, dashboard = desk
    assert dashboard.answer("make coffee") == "could not understand: 'make coffee'"


@pytest.mark.parametrize(
    "command, reply",
    [
        ("popup look here", "showing popup"),
        ("close popup", "closing popup"),
        ("close safety popup", "closing safety popup"),
        ("addToLog a line", "Added log message"),
        ("restart safety", "Restarting safety"),
        ("isProgramSaved", "true <unnamed>"),
        ("setUserRole restricted", "Setting user role: restricted"),
        ("quit", "Disconnected"),
        ("shutdown", "Shutting down"),
    ],
)
def test_one_line_replies(desk, command: str, reply: str) -> None:
    _, dashboard = desk
    assert dashboard.answer(command) == reply
