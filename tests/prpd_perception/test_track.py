from __future__ import annotations

import numpy as np
import pytest

from prpd_perception.track import MotionModel, Track
from prpd_perception.tracker import Measurement, Tracker, TrackerConfig
from prpd_task.bucket import BucketGeometry
from prpd_task.frames import bucket_to_soil

BUCKET = BucketGeometry()
COV = np.eye(3) * 0.004**2
DT = 1 / 30


def seen(position: np.ndarray, score: float = 0.95) -> Measurement:
    return Measurement(np.asarray(position, float), COV, score)


def visible(position: np.ndarray) -> bool:
    return False


def hidden(position: np.ndarray) -> bool:
    return True


def test_a_still_rock_is_averaged_but_never_surer_than_its_shared_error() -> None:
    rng, tracker, truth = np.random.default_rng(0), Tracker(bucket=BUCKET), np.array([0.02, 0.01, -0.01])
    for _ in range(90):
        tracker.update([seen(truth + rng.normal(0, 0.002, 3))], dt=DT, bucket_pose=None, hidden=visible)
    track = tracker.followed
    assert track is not None and len(tracker.tracks) == 1
    assert np.linalg.norm(track.position - truth) < 0.002
    assert np.sqrt(track.covariance[0, 0]) > 0.8 * np.sqrt(MotionModel().systematic) * 0.004


def test_a_hidden_rock_stays_known_and_a_missing_one_is_given_up() -> None:
    def after(seconds: float, cover) -> Track:
        tracker = Tracker(bucket=BUCKET)
        for _ in range(10):
            tracker.update([seen([0, 0, 0])], dt=DT, bucket_pose=None, hidden=visible)
        for _ in range(int(seconds / DT)):
            tracker.update([], dt=DT, bucket_pose=None, hidden=cover)
        assert tracker.followed is not None
        return tracker.followed

    short, long = after(1.0, hidden), after(2.0, hidden)
    assert long.covariance[0, 0] > short.covariance[0, 0] and long.confidence > 0.9
    assert after(0.5, visible).confidence < 0.5


def test_what_is_not_looked_at_is_not_missed() -> None:
    tracker = Tracker(bucket=BUCKET)
    for _ in range(10):
        tracker.update([seen([0, 0, 0])], dt=DT, bucket_pose=None, hidden=visible)
    (track,) = tracker.tracks
    sure = track.confidence
    for _ in range(5):
        tracker.update([], dt=DT, bucket_pose=None, hidden=visible, looked=lambda track: False)
    assert (track.confidence, track.unseen_for) == (sure, 0.0)
    tracker.update([], dt=DT, bucket_pose=None, hidden=visible)
    assert track.confidence < sure and track.unseen_for == pytest.approx(6 * DT)


def test_a_carried_rock_moves_with_the_bucket_while_it_is_hidden() -> None:
    tracker, pose = Tracker(bucket=BUCKET), np.array([0.0, -0.05, 0.02, 0.2])
    local = np.array([0.01, 0.0, 0.03])
    for step in range(60):
        pose = pose + np.array([0.0, 0.0, 0.003, 0.004])
        measured = [seen(bucket_to_soil(pose, local))] if step < 30 else []
        tracker.update(measured, dt=DT, bucket_pose=pose, hidden=hidden)
    track = tracker.followed
    assert track is not None
    assert np.linalg.norm(track.position - bucket_to_soil(pose, local)) < 0.01
    assert track.in_bowl(pose) > 0.9


def test_a_resting_rock_stays_when_the_bucket_passes_over_it() -> None:
    tracker, rock = Tracker(bucket=BUCKET), np.array([0.0, 0.0, 0.0])
    for step in range(60):
        pose = np.array([0.0, 0.15 - 0.005 * step, 0.12, 0.0])
        measured = [seen(rock)] if step < 10 or step > 50 else []
        tracker.update(measured, dt=DT, bucket_pose=pose, hidden=hidden)
        assert tracker.followed is not None and np.linalg.norm(tracker.followed.position - rock) < 0.02
        assert tracker.followed.in_bowl(pose) < 0.5


@pytest.mark.parametrize("pose", [None, np.array([0.0, 0.13, 0.11, -0.2])], ids=["no bucket", "bucket before it"])
def test_what_is_half_hidden_seems_elsewhere_and_pulls_a_known_rock_away_only_a_little(pose: np.ndarray | None) -> None:
    tracker, rock, seeming = Tracker(bucket=BUCKET), np.zeros(3), np.array([0.018, -0.008, 0.0])
    for _ in range(15):
        tracker.update([seen(rock)], dt=DT, bucket_pose=pose, hidden=visible)
    for _ in range(45):
        unclear = Measurement(seeming, 2 * COV, 0.6)
        tracker.update([unclear], dt=DT, bucket_pose=pose, hidden=visible)
    assert tracker.followed is not None and len(tracker.tracks) == 1
    assert 0 < np.linalg.norm(tracker.followed.position - rock) < 0.009
    for _ in range(15):
        tracker.update([seen(seeming)], dt=DT, bucket_pose=pose, hidden=visible)
    assert np.linalg.norm(tracker.followed.position - seeming) < 0.005, "a clear view is believed"


def test_the_rock_nearest_to_the_goal_is_followed_or_the_one_asked_for() -> None:
    rocks = [np.array([0.08, 0.0, 0.0]), np.array([-0.05, 0.02, 0.0])]
    tracker = Tracker(bucket=BUCKET, config=TrackerConfig(goal=(-0.05, 0.0, 0.0)))
    for _ in range(5):
        tracker.update([seen(r) for r in rocks], dt=DT, bucket_pose=None, hidden=visible)
    assert tracker.followed is not None and np.linalg.norm(tracker.followed.position - rocks[1]) < 1e-3
    other = next(t for t in tracker.tracks if t is not tracker.followed)
    asked = Tracker(bucket=BUCKET, config=TrackerConfig(goal=(-0.05, 0.0, 0.0), wanted=other.identity))
    for _ in range(5):
        asked.update([seen(r) for r in rocks], dt=DT, bucket_pose=None, hidden=visible)
    assert asked.followed is not None and np.linalg.norm(asked.followed.position - rocks[0]) < 1e-3


def test_one_weak_candidate_begins_nothing() -> None:
    tracker = Tracker(bucket=BUCKET)
    tracker.update([seen([0, 0, 0], score=0.15)], dt=DT, bucket_pose=None, hidden=visible)
    assert tracker.tracks == []


def confirmed(scores: list[float]) -> list[bool]:
    """After each look at the same place, with such a score or, for 0, with no candidate."""
    tracker, result = Tracker(bucket=BUCKET), []
    for score in scores:
        tracker.update([seen([0, 0, 0], score)] if score else [], dt=DT, bucket_pose=None, hidden=visible)
        result.append(tracker.followed is not None and tracker.followed.confirmed)
    return result


def test_a_candidate_that_comes_and_goes_passes_for_no_rock_however_long_it_does() -> None:
    assert not any(confirmed([0.7, 0.0, 0.6, 0.0] * 30))


def test_a_candidate_that_stays_passes_for_a_rock_and_does_not_flicker() -> None:
    answers = confirmed([0.7] * 5 + [0.4, 0.6] * 20)
    assert not answers[0] and all(answers[4:])
    assert not any(confirmed([0.45] * 60))


def test_two_tracks_of_one_rock_become_one() -> None:
    tracker = Tracker(bucket=BUCKET)
    tracker.update([seen([0, 0, 0]), seen([0.028, 0, 0])], dt=DT, bucket_pose=None, hidden=visible)
    assert len(tracker.tracks) == 1


def test_a_rock_that_was_moved_by_hand_is_followed_to_its_new_place() -> None:
    tracker, old, new = Tracker(bucket=BUCKET), np.array([0.05, 0.0, 0.0]), np.array([-0.05, 0.03, 0.0])
    for _ in range(60):
        tracker.update([seen(old)], dt=DT, bucket_pose=None, hidden=visible)
    first = tracker.followed
    for _ in range(30):
        tracker.update([seen(new)], dt=DT, bucket_pose=None, hidden=visible)
    assert tracker.followed is not None and first is not None
    assert tracker.followed.identity != first.identity
    assert np.linalg.norm(tracker.followed.position - new) < 1e-3
