"""From the description of the graph to ROS 2's `launch`, whose packages only launch files need."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from launch import LaunchContext, LaunchDescription
from prpd_control.graph.arguments import field_texts, parse
from prpd_control.graph.dds import environment
from prpd_control.graph.description import Process
from prpd_control.graph.locks import Lock

SET_HERE = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def describe(options: type, build: Callable[[Any], Sequence[Process]], **defaults: Any) -> LaunchDescription:
    """An argument per field of the dataclass `options`, and the processes that `build` makes of it."""
    texts = field_texts(options)
    arguments = []
    for field in fields(options):
        default = defaults.get(field.name, "" if field.default is MISSING else field.default)
        text = str(default).lower() if isinstance(default, bool) else str(default)
        arguments.append(DeclareLaunchArgument(field.name, default_value=text, description=texts[field.name]))

    def start(context: LaunchContext) -> list[Any]:
        given = {f.name: LaunchConfiguration(f.name).perform(context) for f in fields(options)}
        chosen = options(**{f.name: parse(given[f.name], str(f.type), f.name) for f in fields(options)})
        processes = build(chosen)
        for process in processes:
            # Two nodes of one name in one domain would share their topics, and each would get the other's.
            locks.append(Lock(f"domain-{domain}-{process.name}"))
            locks[-1].acquire()
        return [action for process in processes for action in _actions(process)]

    domain = int(os.environ.get("ROS_DOMAIN_ID", "0"))
    locks: list[Lock] = []  # held as long as the launch runs
    here = environment(domain)
    variables = [SetEnvironmentVariable(name, here[name]) for name in SET_HERE]
    return LaunchDescription([*arguments, *variables, OpaqueFunction(function=start)])


def _actions(process: Process) -> list[Any]:
    if process.parameters is None:
        program = ExecutableInPackage(process.executable, process.package)
        action = ExecuteProcess(cmd=[program, *process.arguments], name=process.name, output="screen")
    else:
        action = Node(
            package=process.package,
            executable=process.executable,
            name=process.name,
            parameters=[dict(process.parameters)],
            remappings=list(process.remappings.items()),
            output="screen",
            emulate_tty=True,
        )

    def ended(event: Any, context: LaunchContext) -> list[Any]:
        if process.may_end and event.returncode == 0:
            return []
        reason = f"{process.name} ended with status {event.returncode}"
        return [EmitEvent(event=Shutdown(reason=reason))]

    return [RegisterEventHandler(OnProcessExit(target_action=action, on_exit=ended)), action]
