"""Who touches whom, in the two notions that Isaac Gym has: collision groups and collision filters.

Bodies collide if their groups are equal or one of them is -1, and if their filters have no bit in common. Filters
cannot keep the bucket out of the soil, since all grains carry the same bits and would pass through one another as well;
groups can. What must meet both the soil and what is apart from it, ground and rock, is in group -1, which is safe
because environments stand too far apart to meet; filters then take away single pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from prpd_train.scene.pieces import FOR_ROCK, FOR_SOIL, GROUND, ROCK, SOIL
from prpd_train.scene.spec import Contacts

EVERY_GROUP = -1
_GROUND_BUCKET = 1
_ROCK_BUCKET = 2


@dataclass(frozen=True)
class Collision:
    """What `create_actor` is given."""

    group: int
    filter: int


def collisions(contacts: Contacts, env: int) -> Dict[str, Collision]:
    """Group and filter of each kind of body in an environment."""
    with_soil, apart = 2 * env, 2 * env + 1
    return {
        GROUND: Collision(EVERY_GROUP, _GROUND_BUCKET),
        SOIL: Collision(with_soil, 0),
        ROCK: Collision(EVERY_GROUP if contacts.soil_rock else apart, _ROCK_BUCKET),
        FOR_ROCK: Collision(apart, _GROUND_BUCKET | (0 if contacts.rock_bucket else _ROCK_BUCKET)),
        FOR_SOIL: Collision(with_soil if contacts.soil_bucket else apart, _GROUND_BUCKET | _ROCK_BUCKET),
    }
