"""Reads the programs that come through the script port: which kind they are, and what a client wrote into them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator, List, Tuple, Union

_LOADED = "RTDE Control Script Loaded"
_OFFSET = r"reg_offset_{}\s*=\s*(?:#[^\n]*\n)?\s*(\d+)"
_NUMBERS = r"\[([^\]]*)\]"
_PATH_LINE = re.compile(rf"^\s*(movej|movel|movep)\((p?){_NUMBERS}(.*)\)\s*$")
_SIGNAL_LINE = re.compile(r"^\s*signal_async_progress\((\d+)\)\s*$")
_OPTION = re.compile(r"\b([avr])\s*=\s*([-+0-9.eE]+)")


@dataclass(frozen=True)
class PathMove:
    """One waypoint of a path, with the defaults of URScript."""

    command: str
    is_pose: bool
    numbers: Tuple[float, ...]
    acceleration: float
    speed: float
    blend: float


@dataclass(frozen=True)
class PathSignal:
    """The path's waypoint of this index is about to begin."""

    index: int


@dataclass(frozen=True)
class Upload:
    """One uploaded program."""

    name: str
    is_control_script: bool
    int_offset: int = 0
    float_offset: int = 0
    path: Tuple[Union[PathMove, PathSignal], ...] = ()


def take_programs(buffer: bytearray) -> Iterator[str]:
    """Remove each complete program (its last line is `end` in column 0) from `buffer` and yield its text."""
    while True:
        match = re.search(rb"^end[ \t\r]*(\n|\Z)", bytes(buffer), re.MULTILINE)
        if match is None:
            return
        text = bytes(buffer[: match.end()]).decode("utf-8", "replace")
        del buffer[: match.end()]
        yield text


def read_program(text: str) -> Upload:
    """What a program's text asks for."""
    head = re.search(r"^\s*(?:def|sec)\s+(\w+)", text, re.MULTILINE)
    name = head.group(1) if head else "unnamed"
    if _LOADED not in text:
        return Upload(name, is_control_script=False)
    return Upload(
        name,
        is_control_script=True,
        int_offset=_offset(text, "int"),
        float_offset=_offset(text, "float"),
        path=tuple(_path(text)),
    )


def _offset(text: str, kind: str) -> int:
    match = re.search(_OFFSET.format(kind), text)
    return int(match.group(1)) if match else 0


def _path(text: str) -> List[Union[PathMove, PathSignal]]:
    """The lines that the client injected into the body of `exec_move_path`."""
    body = text.partition("def exec_move_path():")[2]
    items: List[Union[PathMove, PathSignal]] = []
    for line in body.splitlines():
        if line.strip() == "end":
            break
        signal, move = _SIGNAL_LINE.match(line), _PATH_LINE.match(line)
        if signal:
            items.append(PathSignal(int(signal.group(1))))
        elif move:
            command, pose, numbers, rest = move.groups()
            options = {key: float(value) for key, value in _OPTION.findall(rest)}
            joint_space = command == "movej"
            items.append(
                PathMove(
                    command,
                    is_pose=bool(pose),
                    numbers=tuple(float(n) for n in numbers.split(",")),
                    acceleration=options.get("a", 1.4 if joint_space else 1.2),
                    speed=options.get("v", 1.05 if joint_space else 0.25),
                    blend=options.get("r", 0.0),
                )
            )
    return items
