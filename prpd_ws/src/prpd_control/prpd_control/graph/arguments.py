"""Launch arguments from a dataclass: their descriptions and their values."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import is_dataclass
from typing import Any


def parse(text: str, kind: str, name: str) -> Any:
    """The value of a launch argument, which `launch` hands over as text."""
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name} must be true or false, not {text!r}")
        return text.lower() == "true"
    if kind in ("int", "float"):
        try:
            return int(text) if kind == "int" else float(text)
        except ValueError:
            raise ValueError(f"{name} must be a number, not {text!r}") from None
    return text


def field_texts(options: type) -> dict[str, str]:
    """The text below each field of a dataclass and its bases, which is also what the command line shows."""
    texts: dict[str, str] = {}
    for base in reversed(options.__mro__):
        if is_dataclass(base):
            texts |= _own_field_texts(base)
    return texts


def _own_field_texts(options: type) -> dict[str, str]:
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(options))).body
    texts = {}
    if isinstance(body, ast.ClassDef):
        for statement, following in zip(body.body, body.body[1:], strict=False):
            if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
                continue
            if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                texts[statement.target.id] = " ".join(str(following.value.value).split())
    return texts
