"""The first look at an engine: it finds a sound one sound, and says what is wrong with others."""

from __future__ import annotations

import math
from dataclasses import replace

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


class Inverted:
    """An engine that reports the force of the bucket on the rock for that of the rock on the bucket."""

    def __init__(self, engine):
        self._engine = engine
        self.num_envs = engine.num_envs
        self.reset, self.step = engine.reset, engine.step

    @property
    def state(self):
        return replace(self._engine.state, bucket_force=-self._engine.state.bucket_force)


def test_a_force_of_the_wrong_sign_is_found(specs):
    findings = first_look.look(Inverted(make("physx", specs)), specs)
    assert [finding.measured < 0 for finding in findings if not finding.fine] == [True, True]


def test_what_cannot_be_measured_is_not_fine():
    assert not first_look.Finding("anything", math.nan, 0.0, 1.0, "m").fine
    assert "LOOK" in str(first_look.Finding("anything", 2.0, 0.0, 1.0, "m"))
