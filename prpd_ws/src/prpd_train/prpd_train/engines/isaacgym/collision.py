"""Who touches whom, in the two notions that Isaac Gym has: collision groups and collision filters.

Bodies collide if their groups are equal or one of them is -1, and if their filters have no bit in common. Filters
cannot keep the bucket out of the soil, since all grains carry the same bits and would pass through one another as well;
groups can. The ground is in group -1 and shares a filter bit with the bucket; a body that must meet both the soil and
what is apart from it is in group -1 too, which is safe because environments stand too far apart to meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict

from prpd_train.scene.pieces import BUCKET, GROUND, ROCK, SOIL
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
    rock = with_soil if contacts.soil_rock else apart
    bucket = with_soil if contacts.soil_bucket else apart
    if contacts.soil_rock and not contacts.soil_bucket:
        rock = EVERY_GROUP
    if contacts.soil_bucket and not contacts.soil_rock:
        bucket = EVERY_GROUP
    never = 0 if contacts.rock_bucket else _ROCK_BUCKET
    return {
        GROUND: Collision(EVERY_GROUP, _GROUND_BUCKET),
        SOIL: Collision(with_soil, 0),
        ROCK: Collision(rock, never),
        BUCKET: Collision(bucket, _GROUND_BUCKET | never),
    }
