"""Collision groups and filters, judged by Isaac Gym's documented rule, against the scene's contact switches."""

from __future__ import annotations

import importlib
import itertools

import pytest

from prpd_train.scene.pieces import FOR_ROCK, FOR_SOIL, GROUND, ROCK, SOIL, touching
from prpd_train.scene.spec import Contacts

KINDS = (GROUND, SOIL, ROCK, FOR_ROCK, FOR_SOIL)


def collide(a, b):
    """Isaac Gym's rule."""
    return (a.group == b.group or -1 in (a.group, b.group)) and not a.filter & b.filter


@pytest.mark.parametrize("switches", list(itertools.product([False, True], repeat=3)))
def test_exactly_the_wanted_pairs_touch(fake, switches):
    collisions = importlib.import_module("prpd_train.engines.isaacgym.collision").collisions
    contacts = Contacts(*switches)
    bodies = collisions(contacts, env=3)
    wanted = touching(contacts)
    for a, b in itertools.combinations_with_replacement(KINDS, 2):
        if a == b != SOIL:
            continue  # there is one of each
        assert collide(bodies[a], bodies[b]) == (frozenset((a, b)) in wanted), (a, b)


@pytest.mark.parametrize("switches", list(itertools.product([False, True], repeat=3)))
def test_environments_are_apart(fake, switches):
    """Soil of one never meets soil of another, so that distance is needed only for single bodies."""
    collisions = importlib.import_module("prpd_train.engines.isaacgym.collision").collisions
    one, other = (collisions(Contacts(*switches), env) for env in (0, 1))
    assert not collide(one[SOIL], other[SOIL])
    assert not {b.group for b in one.values()} & {b.group for b in other.values()} - {-1}
