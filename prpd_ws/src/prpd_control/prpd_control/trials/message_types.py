"""ROS message types by name: the class, and the text of the definition that a recording needs to be read anywhere."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from prpd_control.resources import message_folders

_BUILT_IN = {
    "bool", "byte", "char", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
    "uint64", "string", "wstring",
}  # fmt: skip
_FIELD_TYPE = re.compile(r"^([A-Za-z][\w/]*)")


def message_class(name: str) -> type:
    """The class of `package/msg/Name`."""
    package, kind, message = name.split("/")
    return getattr(importlib.import_module(f"{package}.{kind}"), message)


def definition(name: str) -> str:
    """The text of `package/msg/Name` followed by those of all messages in it, as recordings have it."""
    texts, seen, waiting = [_text(name)], {name}, _parts(name)
    while waiting:
        part = waiting.pop(0)
        if part not in seen:
            seen.add(part)
            texts.append(f"{'=' * 80}\nMSG: {part.replace('/msg/', '/')}\n{_text(part)}")
            waiting += _parts(part)
    return "\n".join(texts)


@lru_cache(maxsize=256)
def _text(name: str) -> str:
    package, _, message = name.split("/")
    if (package, message) == ("builtin_interfaces", "Time"):
        return "int32 sec\nuint32 nanosec\n"
    if (package, message) == ("builtin_interfaces", "Duration"):
        return "int32 sec\nuint32 nanosec\n"
    return _find(package, message).read_text()


def _find(package: str, message: str) -> Path:
    folders: Sequence[Path] = message_folders()
    for folder in folders:
        path = folder / package / "msg" / f"{message}.msg"
        if path.is_file():
            return path
    raise FileNotFoundError(f"no definition of {package}/msg/{message} in {', '.join(map(str, folders))}")


def _parts(name: str) -> list[str]:
    """The messages that are fields of this one."""
    package = name.split("/")[0]
    parts = []
    for line in _text(name).splitlines():
        match = _FIELD_TYPE.match(line.strip())
        kind = match.group(1) if match else ""
        if not kind or kind in _BUILT_IN:
            continue
        pieces = kind.split("/")
        if len(pieces) == 1:
            pieces = ["std_msgs", "Header"] if kind == "Header" else [package, kind]
        parts.append(f"{pieces[0]}/msg/{pieces[-1]}")
    return parts
