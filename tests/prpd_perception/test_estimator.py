from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from prpd_perception.detector import Candidate, Detector
from prpd_perception.estimate import BadImageError, EstimatorConfig, RockEstimate, Status
from prpd_perception.estimator import RockEstimator, _believed
from prpd_perception.height_map import HeightMap
from prpd_task.cell import Cell, look_at
from prpd_task.frames import Pose, bucket_to_soil
from prpd_train.engines import make
from prpd_twin.depth_camera.renderer import DepthRenderer
from prpd_twin.soil_world.camera_scene import camera_scene
from prpd_twin.soil_world.environment import load

DETECTOR = Detector()
AWAY = np.array([0.0, -0.33, 0.25, 0.0])


def estimator(studio: Any, **changed: Any) -> RockEstimator:
    config = EstimatorConfig(**({"check_frames": 0} | changed))
    return RockEstimator(cell=studio.cell, bucket=studio.bucket, config=config, detector=DETECTOR)


def look(
    studio: Any, *, rock: Pose | None, bucket: np.ndarray | None = None, images: int = 3, **changed: Any
) -> RockEstimate:
    subject = estimator(studio, **changed)
    for i in range(images):
        image = studio.metres(rock=rock, bucket=bucket)
        estimate = subject.update(image, stamp=1 + i / 30, bucket_pose=bucket)
    return estimate


def looks_of(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """Whether each look of the detector is into the bowl, and whether it is mirrored."""
    looks: list[tuple[bool, bool]] = []
    detect = DETECTOR.detect

    def noted(view: HeightMap, *, mirrored: bool) -> list[Candidate]:
        looks.append((view.in_bowl, mirrored))
        return detect(view, mirrored=mirrored)

    monkeypatch.setattr(DETECTOR, "detect", noted)
    return looks


@pytest.mark.parametrize(
    ("x", "y", "z", "yaw"), [(0.0, 0.0, 0.02, 0.3), (-0.05, 0.04, 0.0, 0.9), (0.06, -0.05, 0.01, 0.0)]
)
def test_a_visible_rock_is_found_where_it_is(studio: Any, x: float, y: float, z: float, yaw: float) -> None:
    estimate = look(studio, rock=Pose.from_rpy((x, y, z), yaw=yaw))
    assert estimate.status == Status.OK and estimate.confidence > 0.5
    error = estimate.position - (x, y, z)
    assert np.linalg.norm(error) < 0.015
    assert (np.abs(error) < 4 * np.sqrt(np.diag(estimate.covariance))).all()
    assert abs(estimate.surface_height) < 0.012
    assert estimate.in_bucket == 0.0 and 0.1 < estimate.visible_fraction <= 1.0
    assert estimate.shape is not None and 0.02 < estimate.shape.size[0] < 0.09


def test_nothing_is_found_where_nothing_is(studio: Any) -> None:
    estimate = look(studio, rock=None)
    assert estimate.status == Status.LOST and estimate.confidence < 0.5 and estimate.message


@pytest.mark.parametrize("bucket", [(0.0, -0.05, 0.10, 0.4), (0.03, 0.0, 0.16, 0.6), (-0.02, -0.10, 0.20, 0.2)])
def test_a_carried_rock_is_in_the_bucket(studio: Any, bucket: tuple) -> None:
    pose, local = np.array(bucket), np.array([0.01, -0.01, 0.027])
    rock = Pose.from_bucket(pose) @ Pose.from_rpy(local, yaw=0.4)
    estimate = look(studio, rock=rock, bucket=pose)
    assert estimate.status == Status.OK and estimate.in_bucket > 0.5
    assert np.linalg.norm(estimate.position - bucket_to_soil(pose, local)) < 0.02


def test_soil_and_bowl_are_looked_at_in_turn_and_a_carried_rock_stays_in_sight(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = looks_of(monkeypatch)
    subject, states = estimator(studio), []
    for i in range(12):
        pose = np.array([0.0, -0.05, 0.10 + 0.004 * i, 0.4])
        rock = Pose.from_bucket(pose) @ Pose.from_rpy((0.01, -0.01, 0.027), yaw=0.4)
        states.append(subject.update(studio.metres(rock=rock, bucket=pose), stamp=1 + i / 30, bucket_pose=pose))
    assert [in_bowl for in_bowl, _ in looks] == [False, True] * 6
    for kind in (False, True):
        assert [mirrored for in_bowl, mirrored in looks if in_bowl == kind] == [False, True] * 3
    assert {e.status for e in states[2:]} == {Status.OK}
    assert all(e.in_bucket > 0.5 and e.visible_fraction > 0 and e.soil is not None for e in states[4:])
    empty = subject.update(studio.metres(bucket=pose), stamp=1 + 12 / 30, bucket_pose=pose)
    assert empty.status == Status.OK, "the soil's turn says nothing of the bowl"
    assert subject.update(studio.metres(bucket=pose), stamp=1 + 13 / 30, bucket_pose=pose).status == Status.OCCLUDED


def test_an_empty_lifted_bowl_costs_the_soil_no_look(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = looks_of(monkeypatch)
    look(studio, rock=Pose((0.02, 0.05, 0.005)), bucket=np.array([0.0, -0.22, 0.14, 0.0]), images=12)
    assert [in_bowl for in_bowl, _ in looks] == [False] * 12


def test_a_mirrored_look_at_a_mirrored_map_says_the_same_of_the_other_side(studio: Any) -> None:
    view = look(studio, rock=Pose.from_rpy((0.05, 0.03, 0.02), yaw=0.3), images=1).soil
    assert view is not None
    there = DETECTOR.detect(replace(view, channels=np.ascontiguousarray(view.channels[..., ::-1])), mirrored=True)
    here = DETECTOR.detect(view)
    assert len(here) == len(there) > 0
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(other.position, one.position * (-1, 1, 1), atol=1e-6)
        np.testing.assert_allclose(other.deviation, one.deviation, rtol=1e-5)
        assert other.score == pytest.approx(one.score, abs=1e-5) and (other.blocks == one.blocks[:, ::-1]).all()


def test_a_rock_in_the_soil_is_not_in_the_bucket(studio: Any) -> None:
    estimate = look(studio, rock=Pose((0.02, 0.05, 0.005)), bucket=np.array([0.0, -0.2, 0.12, 0.0]))
    assert estimate.status == Status.OK and estimate.in_bucket < 0.1


@pytest.mark.parametrize(
    ("score", "expected", "believed"), [(0.2, 0.5, 0.2), (0.2, 0.95, 0.826), (0.9, 0.05, 0.321), (1.0, 0.5, 1.0)]
)
def test_a_rock_that_is_expected_is_believed_sooner(score: float, expected: float, believed: float) -> None:
    assert _believed(score, expected) == pytest.approx(believed, abs=1e-3)


def test_an_operators_prior_is_kept_but_not_trusted(studio: Any) -> None:
    estimate = look(studio, rock=None, images=60, prior_position=(0.02, 0.01, -0.03))
    assert estimate.status == Status.OCCLUDED and 0.4 < estimate.confidence < 0.6
    np.testing.assert_allclose(estimate.position, (0.02, 0.01, -0.03), atol=1e-6)
    assert np.sqrt(estimate.covariance[0, 0]) > 0.029


def test_the_track_holds_while_the_bucket_hides_the_rock(studio: Any) -> None:
    rock, subject, hidden = Pose((0.0, 0.0, 0.01)), estimator(studio), 0
    before = np.array([0.0, 0.11, 0.10, 0.0])
    for i in range(40):
        share = np.clip((i - 5) / 10, 0, 1) - np.clip((i - 28) / 10, 0, 1)
        pose = AWAY + share * (before - AWAY)
        image = studio.metres(rock=rock, bucket=pose)
        if 16 <= i < 28:
            image[150:330, 250:390] = 0
        estimate = subject.update(image, stamp=1 + i / 30, bucket_pose=pose)
        hidden += estimate.status == Status.OCCLUDED
        if i > 3:
            assert estimate.status in (Status.OK, Status.OCCLUDED)
            assert np.linalg.norm(estimate.position - rock.position) < 0.025
    assert hidden >= 10 and estimate.status == Status.OK


@pytest.mark.parametrize(
    "bump", [Pose.from_rpy((0, 0, 0), roll=0.35), Pose.from_rpy((0, 0, 0.09)), Pose.from_rpy((0, 0, 0), yaw=np.pi)]
)
def test_a_bumped_or_turned_camera_is_refused(studio: Any, bump: Pose) -> None:
    cell = replace(studio.cell, soil_from_camera=studio.cell.soil_from_camera @ bump)
    subject = RockEstimator(cell=cell, bucket=studio.bucket, detector=DETECTOR)
    image = studio.metres()
    for i in range(8):
        estimate = subject.update(image, stamp=1 + i / 30, bucket_pose=None)
        assert estimate.status == Status.CAMERA_MOVED and "calibrate" in estimate.message


def test_a_bumped_camera_is_refused_by_each_image_of_a_bucket_that_carries(studio: Any) -> None:
    cell = replace(studio.cell, soil_from_camera=studio.cell.soil_from_camera @ Pose.from_rpy((0, 0, 0.07)))
    pose = np.array([0.0, -0.05, 0.16, 0.4])
    rock = Pose.from_bucket(pose) @ Pose.from_rpy((0.01, -0.01, 0.027), yaw=0.4)
    subject = RockEstimator(cell=cell, bucket=studio.bucket, detector=DETECTOR)
    image = studio.metres(rock=rock, bucket=pose)
    states = [subject.update(image, stamp=1 + i / 30, bucket_pose=pose).status for i in range(4)]
    assert states == [Status.CAMERA_MOVED] * 4


def test_an_undisturbed_camera_passes_its_check(studio: Any) -> None:
    assert look(studio, rock=None, check_frames=5, images=6).status == Status.LOST


@pytest.mark.parametrize(("environment", "seed"), [("plate_deep", 32), ("cube_deep", 3), ("natural_deep", 54)])
def test_the_most_crooked_of_the_twins_beds_pass_the_cameras_check(environment: str, seed: int) -> None:
    spec = load(environment).scene(seed)
    simulator = make("physx", [spec])
    simulator.reset([0], [spec], AWAY[None])
    state = simulator.state
    rock = Pose.from_arrays(state.rock_position[0], state.rock_quaternion[0])
    grains = state.grain_position[0][: int(state.grain_count[0])]
    renderer = DepthRenderer(scene=camera_scene(spec), cell=Cell(), bucket=spec.bucket)
    depth = renderer.render(grains=grains, rock=rock, bucket=Pose.from_bucket(AWAY)).depth
    simulator.close()
    subject = RockEstimator(cell=Cell(), bucket=spec.bucket, detector=DETECTOR)
    estimate = subject.update(depth.astype(np.float32), stamp=1.0, bucket_pose=AWAY)
    assert estimate.status != Status.CAMERA_MOVED, estimate.message


def test_something_in_the_box_is_named_and_no_rock(studio: Any) -> None:
    depth = studio.metres()
    depth[120:320, 300:345] = 0.58
    estimate = estimator(studio).update(depth, stamp=1, bucket_pose=None)
    assert estimate.status == Status.LOST and "no bucket" in estimate.message


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda d: np.zeros_like(d), "has a depth"),
        (lambda d: np.full_like(d, np.nan), "has a depth"),
        (lambda d: np.full_like(d, np.inf), "has a depth"),
        (lambda d: -d, "has a depth"),
        (lambda d: d[:100], "described as"),
    ],
)
def test_unusable_images_are_named(studio: Any, spoil: Any, named: str) -> None:
    with pytest.raises(BadImageError, match=named):
        estimator(studio).update(spoil(studio.metres()), stamp=1, bucket_pose=None)


def test_time_does_not_go_back_and_a_clock_that_was_reset_is_followed(studio: Any) -> None:
    subject, image = estimator(studio), studio.metres()
    subject.update(image, stamp=100.0, bucket_pose=None)
    for stamp in (100.0, 99.9, np.nan, 50.0):
        with pytest.raises(BadImageError, match="older|finite"):
            subject.update(image, stamp=stamp, bucket_pose=None)
    subject.update(image, stamp=50.1, bucket_pose=None)


def test_a_bucket_pose_that_is_no_number_is_refused(studio: Any) -> None:
    with pytest.raises(BadImageError, match="bucket"):
        estimator(studio).update(studio.metres(), stamp=1, bucket_pose=np.array([0.0, np.nan, 0.0, 0.0]))


def test_a_cell_whose_camera_sees_nothing_is_refused(studio: Any) -> None:
    away = Cell(soil_from_camera=look_at((0.0, 0.5, 0.6), (0.0, 1.0, 1.2)))
    with pytest.raises(ValueError, match="looks away"):
        RockEstimator(cell=away, bucket=studio.bucket, detector=DETECTOR)
