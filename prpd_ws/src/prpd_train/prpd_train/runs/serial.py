"""Frozen dataclasses to plain data and back, refusing what they do not know."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Type, TypeVar, Union, get_type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Dictionaries, lists, strings and numbers, as JSON has them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_plain(v) for v in value]
    return value


def from_plain(cls: Type[T], data: Mapping[str, Any], *, where: str = "") -> T:
    """A dataclass from such a mapping. Fields left out keep their defaults; unknown ones are an error."""
    name = where or cls.__name__
    if not isinstance(data, Mapping):
        raise ValueError(f"{name} must be a mapping of fields, not {data!r}")
    known = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"{name} has no field {', '.join(unknown)}; it has {', '.join(known)}")
    hints = get_type_hints(cls)
    values: Dict[str, Any] = {}
    for key, value in data.items():
        values[key] = _convert(hints[key], value, f"{name}.{key}")
    return cls(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    if getattr(hint, "__origin__", None) is Union:  # Optional
        return None if value is None else _convert(hint.__args__[0], value, where)
    if dataclasses.is_dataclass(hint):
        return from_plain(hint, value, where=where)  # type: ignore[arg-type]
    if getattr(hint, "__origin__", None) is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} must be a list, not {value!r}")
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint in (int, float, str, bool) and type(value) is not hint:
        raise ValueError(f"{where} must be {hint.__name__}, not {value!r}")
    return value
