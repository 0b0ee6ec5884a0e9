"""Every launch argument has a description, and its text becomes a value or an error that names it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from prpd_control.graph.arguments import field_texts, parse
from prpd_control.graph.description import Options, TrialOptions


@pytest.mark.parametrize("options", [Options, TrialOptions])
def test_every_argument_is_described(options: type) -> None:
    texts = field_texts(options)
    assert {f.name for f in fields(options)} <= set(texts)
    assert all(len(text) > 10 for text in texts.values())


@pytest.mark.parametrize(
    "text, kind, value", [("True", "bool", True), ("false", "bool", False), ("7", "int", 7), ("x y", "str", "x y")]
)
def test_texts_become_values(text: str, kind: str, value: object) -> None:
    assert parse(text, kind, "seed") == value


@pytest.mark.parametrize("text, kind", [("yes", "bool"), ("seven", "int"), ("", "float")])
def test_a_bad_text_is_named(text: str, kind: str) -> None:
    with pytest.raises(ValueError, match="seed"):
        parse(text, kind, "seed")
