"""The first look at an engine: it finds a sound one sound, and says what is wrong with others."""

from __future__ import annotations

import math

import pytest

from prpd_train.engines import first_look, make
from prpd_train.scene.generator import make_scene


@pytest.fixture
def specs():
    return [make_scene(0.05, seed=seed) for seed in range(2)]


@pytest.mark.parametrize("engine", ["physx", "warp"])
def test_a_sound_engine(engine, specs):
    simulator = make(engine, specs)
    findings = first_look.look(simulator, specs)
    assert [str(finding) for finding in findings if not finding.fine] == []
    assert len(findings) == 12


def test_a_bucket_that_the_rock_falls_through(specs):
    """As where collision groups are not what they were taken for."""
    from dataclasses import replace

    loose = [replace(spec, contacts=replace(spec.contacts, rock_bucket=False)) for spec in specs]
    findings = first_look.look(make("physx", loose), loose)
    wrong = [finding.what for finding in findings if not finding.fine]
    assert len(wrong) == 3
    assert all("lifted rock" in what or what == "the same, the largest" for what in wrong)


def test_what_cannot_be_measured_is_not_fine():
    assert not first_look.Finding("anything", math.nan, 0.0, 1.0, "m").fine
    assert "LOOK" in str(first_look.Finding("anything", 2.0, 0.0, 1.0, "m"))
