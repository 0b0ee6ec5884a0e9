"""The description of the graph, and its agreement with what the packages install."""

import importlib
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from prpd_control.graph.checks import refuse_impossible
from prpd_control.graph.description import (
    Options,
    Process,
    TrialOptions,
    excavation,
    trials,
    twin,
)
from prpd_control.graph.launcher import command
from prpd_control.trials.batch import load
from prpd_control.trials.message_types import definition, message_class
from prpd_task.errors import UserError
from prpd_twin.soil_world.environment import names

SOURCES = Path(importlib.import_module("prpd_control").__file__).parents[2]


def graph(**options):
    return {p.name: p for p in trials(TrialOptions(twin=True, viewer=True, **options))}


@pytest.mark.parametrize("process", graph().values(), ids=lambda p: p.name)
def test_each_process_is_what_its_package_installs_under_that_name(process):
    setup = (SOURCES / process.package / "setup.py").read_text()
    assert re.search(rf'"{process.executable} = {re.escape(process.target)}"', setup)
    module, function = process.target.split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_the_twin_takes_the_place_of_robot_soil_and_camera_only():
    with_twin = {p.name for p in excavation(Options(twin=True))}
    with_robot = {p.name for p in excavation(Options(robot_ip="192.168.1.5", cell="cell.yaml"))}
    assert with_twin - with_robot == {"ur_controller", "soil_world", "depth_camera"}
    assert with_robot == {"bucket_driver", "rock_state", "excavate", "bring_up"}
    assert {p.name for p in twin(Options(twin=True))} == {"ur_controller", "soil_world", "depth_camera"}


def test_every_process_talks_to_the_same_controller():
    processes = graph(robot_ip="127.0.0.7")
    assert processes["ur_controller"].arguments == ("--address", "127.0.0.7")
    assert processes["soil_world"].parameters["robot_ip"] == "127.0.0.7"
    assert processes["bucket_driver"].parameters["robot_ip"] == "127.0.0.7"


def test_another_camera_is_a_remapping():
    line = {p.name: p for p in excavation(Options(twin=True, camera="d435"))}["rock_state"].command_line()
    assert "camera/depth/image_rect_raw:=d435/depth/image_rect_raw" in line


@pytest.mark.parametrize("source", ["cell", "tf"])
def test_one_node_only_says_where_the_camera_stands(source):
    processes = graph(extrinsics=source)
    assert processes["rock_state"].parameters["extrinsics"] == source
    assert processes["bucket_driver"].parameters["camera_frame"] == (source == "cell")


def test_parameters_survive_the_command_line():
    values = {"ip": "127.0.0.1", "note": "it's: [odd]", "flag": True, "rate": 0.5, "nodes": ["a", "b"], "empty": ""}
    line = Process("n", "p", "e", "m:f", values).command_line()
    given = dict(item.split(":=", 1) for flag, item in zip(line, line[1:], strict=False) if flag == "-p")
    assert {k: yaml.safe_load(v) for k, v in given.items()} == values


def test_the_launcher_starts_the_described_function():
    process = graph()["excavate"]
    argv = command(process).argv
    assert argv[1:4] == ["-m", "prpd_control.graph.child", "prpd_control.excavate.node:main"]
    assert argv[4:] == process.command_line()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no robot: give robot_ip"),
        ({"twin": True, "robot_ip": "192.168.1.5"}, "exclude each other"),
        ({"robot_ip": "192.168.1.5"}, "needs `cell`"),
        ({"twin": True, "extrinsics": "TF"}, "extrinsics 'TF': choose `cell` or `tf`"),
    ],
)
def test_impossible_choices_are_refused_with_the_remedy(options, message):
    with pytest.raises(UserError, match=message):
        Options(**options)


def test_the_shipped_batch_is_the_nine_environments():
    batch = load(TrialOptions(twin=True).batch_path, known_environments=names())
    assert sorted(batch.environments) == names()
    assert (batch.repetitions, batch.acceptance) == (10, 0.9)


def test_definitions_hold_all_nested_messages():
    text = definition("prpd_interfaces/msg/RockState")
    assert "MSG: geometry_msgs/PoseWithCovariance" in text
    assert "MSG: geometry_msgs/Quaternion" in text
    assert "MSG: std_msgs/Header" in text
    assert "MSG: builtin_interfaces/Time" in text
    assert message_class("prpd_interfaces/msg/RockState").__name__ == "RockState"
    with pytest.raises(FileNotFoundError, match="no definition of prpd_interfaces/msg/Nothing"):
        definition("prpd_interfaces/msg/Nothing")


@pytest.mark.parametrize("name", ["excavate", "twin", "trials"])
def test_launch_files_describe_every_argument(name):
    pytest.importorskip("launch_ros", reason="the launch packages of ROS 2 are not on any package registry")
    import importlib.util

    path = SOURCES.parents[1] / "launch" / f"{name}.launch.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    arguments = {a.name: a for a in module.generate_launch_description().get_launch_arguments()}
    assert {"robot_ip", "policy", "camera", "twin", "dry_run", "record", "viewer"} <= set(arguments)
    assert all(a.description for a in arguments.values())
    assert arguments["twin"].default_value[0].text == ("true" if name == "twin" else "false")


@pytest.mark.skipif(find_spec("tf2_ros") is not None, reason="tf2_ros is installed")
def test_tf_is_refused_with_the_remedy_where_there_is_none():
    with pytest.raises(UserError, match="need tf2_ros, .*apt-get install ros-jazzy-tf2-ros-py"):
        refuse_impossible(Options(twin=True, extrinsics="tf"))


def test_rviz_is_refused_with_the_remedy_where_there_is_none(monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    with pytest.raises(UserError, match="rviz needs robot_state_publisher, .*apt-get install ros-jazzy-robot-state"):
        refuse_impossible(Options(twin=True, rviz=True))


def test_rviz_is_the_systems_own_with_our_layout(tmp_path, monkeypatch):
    for name in ("robot_state_publisher", "rviz2"):
        path = tmp_path / "lib" / name / name
        path.parent.mkdir(parents=True)
        path.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
        path.chmod(0o755)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    refuse_impossible(Options(twin=True, rviz=True))
    processes = {p.name: p for p in excavation(Options(twin=True, rviz=True))}
    said = {}
    for name in ("robot_state_publisher", "rviz"):
        run = subprocess.run(command(processes[name]).argv, capture_output=True, text=True, check=True)
        said[name] = json.loads(run.stdout)
    layout = said["rviz"][said["rviz"].index("-d") + 1]
    topics = re.findall(r"Value: (/\S+)", Path(layout).read_text())
    assert {"/rock/cloud", "/rock/markers", "/camera/depth/image_rect_raw"} <= set(topics)
    (given,) = [a for a in said["robot_state_publisher"] if a.startswith("robot_description:=")]
    assert "<robot" in yaml.safe_load(given.split(":=", 1)[1])
