"""From the description of the graph to ROS 2's `launch`, whose packages only launch files need."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from typing import Any

from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    LogInfo,
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
from prpd_control.graph import dds
from prpd_control.graph.arguments import field_texts, parse
from prpd_control.graph.description import Process
from prpd_control.graph.reservation import Reservation, reserve
from prpd_task.parent import ENDING_WITH_PARENT, as_parent

held: list[Reservation[Any]] = []
"""As long as the launch runs; `launch` itself forgets a description that it has included."""


def describe(
    options: type,
    build: Callable[[Any], Sequence[Process]],
    *,
    check: Callable[[Any], object] = lambda chosen: None,
    **defaults: Any,
) -> LaunchDescription:
    """An argument per field of the dataclass `options`, and what `build` makes of it where `check` does not raise."""
    texts = field_texts(options)
    arguments = []
    for field in fields(options):
        default = defaults.get(field.name, "" if field.default is MISSING else field.default)
        text = str(default).lower() if isinstance(default, bool) else str(default)
        arguments.append(DeclareLaunchArgument(field.name, default_value=text, description=texts[field.name]))

    def start(context: LaunchContext) -> list[Any]:
        given = {f.name: LaunchConfiguration(f.name).perform(context) for f in fields(options)}
        chosen = options(**{f.name: parse(given[f.name], str(f.type), f.name) for f in fields(options)})
        check(chosen)
        place = reserve(chosen, build)
        held.append(place)
        environment = {**dds.environment(place.domain), **as_parent()}
        changed = {name: value for name, value in environment.items() if os.environ.get(name) != value}
        return [
            LogInfo(msg=f"shared memory: {dds.clean_shared_memory()}"),
            *(SetEnvironmentVariable(name, value) for name, value in changed.items()),
            *(action for process in build(place.options) for action in _actions(process)),
        ]

    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def _actions(process: Process) -> list[Any]:
    if process.parameters is None:
        program = [*ENDING_WITH_PARENT, ExecutableInPackage(process.executable, process.package)]
        action = ExecuteProcess(cmd=[*program, *process.arguments], name=process.name, output="screen")
    else:
        action = Node(
            package=process.package,
            executable=process.executable,
            name=process.name,
            arguments=list(process.arguments),
            parameters=[dict(process.parameters)],
            remappings=list(process.remappings.items()),
            output="screen",
            emulate_tty=True,
            exec_name=process.name,
            prefix=shlex.join(ENDING_WITH_PARENT),
        )

    def ended(event: Any, context: LaunchContext) -> list[Any]:
        if process.may_end and event.returncode == 0:
            return []
        reason = f"{process.name} ended with status {event.returncode}"
        return [EmitEvent(event=Shutdown(reason=reason))]

    return [RegisterEventHandler(OnProcessExit(target_action=action, on_exit=ended)), action]
