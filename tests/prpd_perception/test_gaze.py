"""Where to look in the next image."""

from __future__ import annotations

import numpy as np
import pytest

from prpd_perception.gaze import ELSEWHERE, PATIENCE, QUARTERS, Gaze, Look, around
from prpd_perception.height_map import SOIL_GRID, Part
from prpd_perception.track import MotionModel, Track
from prpd_task.bucket import BucketGeometry
from prpd_task.frames import bucket_to_soil

LIFTED = np.array([0.0, -0.05, 0.15, 0.3])


def track(position: np.ndarray) -> Track:
    cov = np.eye(3) * 0.004**2
    found = Track(identity=1, position=position, covariance=cov, bucket=BucketGeometry(), model=MotionModel())
    found.confirmed = True
    return found


def looks(followed: Track | None, number: int, *, lifted: bool = False) -> list[Look]:
    gaze, pose = Gaze(), LIFTED if lifted else None
    return [gaze.next(followed, bucket_pose=pose, lifted=lifted) for _ in range(number)]


def test_the_quarters_are_all_of_the_soil() -> None:
    told = np.zeros((SOIL_GRID.cells, SOIL_GRID.cells), int)
    for quarter in QUARTERS:
        told[quarter.judged(SOIL_GRID)] += 1
    assert (told == 1).all()


@pytest.mark.parametrize("x", [-0.15, -0.1, -0.03, 0.0, 0.014, 0.09, 0.15])
def test_a_rock_lies_well_within_the_part_around_it(x: float) -> None:
    part = around(np.array([x, -0.5 * x, 0.0]))
    for shift in (-0.03, 0.0, 0.03):
        place = np.clip(np.array([x + shift, -0.5 * x - shift, 0.0]), -0.155, 0.155)
        assert part.shows(place, SOIL_GRID), part
    assert part.row % Part.step == part.column % Part.step == 0
    assert 0 <= part.row <= SOIL_GRID.cells - Part.cells


def test_as_long_as_no_rock_is_known_everything_is_looked_at() -> None:
    doubtful = track(np.zeros(3))
    doubtful.confirmed = False
    gone = track(np.zeros(3))
    gone.unseen_for = PATIENCE + 0.01
    for followed in (None, doubtful, gone):
        assert set(looks(followed, 8)) == {Look(False, None)}
        assert [look.bowl for look in looks(followed, 8, lifted=True)] == [False, True] * 4


def test_a_rock_in_the_soil_is_looked_at_in_three_of_four_images() -> None:
    rock = track(np.array([0.05, -0.02, 0.0]))
    seen = looks(rock, 4 * ELSEWHERE)
    elsewhere = seen[ELSEWHERE - 1 :: ELSEWHERE]
    assert {look.part for look in elsewhere} == set(QUARTERS)
    assert {look.part for look in seen if look not in elsewhere} == {around(rock.position)}
    assert not any(look.bowl for look in seen)


def test_beside_a_lifted_bowl_the_rock_is_looked_for_in_both() -> None:
    beside = looks(track(np.array([0.0, 0.1, 0.0])), 8, lifted=True)
    assert [look.bowl for look in beside] == [True, False, True, False] * 2
    carried = looks(track(bucket_to_soil(LIFTED, np.array([0.0, 0.0, 0.03]))), 8, lifted=True)
    assert [look.bowl for look in carried] == [True, True, True, False] * 2
