from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prpd_twin.depth_camera.noise import NO_NOISE, DepthNoise, NoiseModel

SHAPE, FOCAL = (200, 300), 385.0


def noisy(depth: np.ndarray, model: NoiseModel, seed: int = 0) -> np.ndarray:
    return DepthNoise(model, fx=FOCAL, shape=SHAPE, seed=seed).apply(depth)


def flat(z: float) -> np.ndarray:
    return np.full(SHAPE, z, np.float32)


def step() -> np.ndarray:
    depth = flat(0.8)
    depth[:, 150:200] = 0.6
    return depth


def test_without_noise_nothing_changes() -> None:
    np.testing.assert_array_equal(noisy(step(), NO_NOISE), step())


def test_the_same_seed_gives_the_same_image() -> None:
    first, second = (DepthNoise(NoiseModel(), fx=FOCAL, shape=SHAPE, seed=4) for _ in range(2))
    for _ in range(3):
        np.testing.assert_array_equal(first.apply(step()), second.apply(step()))
    assert (noisy(step(), NoiseModel(), 4) != noisy(step(), NoiseModel(), 5)).any()


def test_axial_noise_grows_with_the_square_of_the_distance() -> None:
    model = replace(NO_NOISE, axial=0.003)
    near, far = (np.std(noisy(flat(z), model)) for z in (0.5, 1.0))
    assert near == pytest.approx(0.003 * 0.25, rel=0.05) and far / near == pytest.approx(4, rel=0.05)


def test_depth_is_quantised() -> None:
    image = noisy(flat(0.7), replace(NO_NOISE, axial=0.003, quantum=0.001))
    np.testing.assert_allclose(image * 1000, np.rint(image * 1000), atol=1e-3)
    assert len(np.unique(image)) > 4


def test_the_shadow_lies_left_of_what_is_near_and_as_wide_as_the_disparity() -> None:
    image = noisy(step(), replace(NO_NOISE, baseline=0.05))
    width = FOCAL * 0.05 * (1 / 0.6 - 1 / 0.8)
    holes = np.flatnonzero(image[100] == 0)
    assert holes.max() == 149 and abs(len(holes) - width) <= 2


def test_flying_pixels_float_between_the_sides_of_an_edge() -> None:
    image = noisy(step(), replace(NO_NOISE, flying_rate=0.3))
    floating = (image > 0.61) & (image < 0.79)
    columns = np.nonzero(floating)[1]
    assert floating.sum() > 50 and set(np.unique(columns)) <= {149, 150, 199, 200}


def test_edges_are_displaced_and_only_edges() -> None:
    changed = np.nonzero(noisy(step(), replace(NO_NOISE, lateral=0.7)) != step())[1]
    assert len(changed) > 50 and all(min(abs(c - 149.5), abs(c - 199.5)) < 3 for c in changed)


def test_grazing_surfaces_have_holes_and_others_not() -> None:
    rising = np.linspace(0.5, 2.5, SHAPE[0], dtype=np.float32)[:, None]
    holes = noisy(np.tile(rising, (1, SHAPE[1])), replace(NO_NOISE, grazing_angle=1.0)) == 0
    tangent = 2.0 / SHAPE[0] * FOCAL / rising[:, 0]
    expected = np.clip((np.arctan(tangent) - 1.0) / (np.pi / 2 - 1.0), 0, 1)
    np.testing.assert_allclose(holes[5:-5].mean(1), expected[5:-5], atol=0.1)
    assert not (noisy(flat(0.7), replace(NO_NOISE, grazing_angle=1.0)) == 0).any()


def test_dropout_has_its_share() -> None:
    share = np.mean([(noisy(flat(0.7), replace(NO_NOISE, dropout=0.02), seed) == 0).mean() for seed in range(5)])
    assert share == pytest.approx(0.02, rel=0.3)


def test_nothing_and_too_far_are_holes() -> None:
    depth = flat(np.inf)
    depth[:50] = 4.0
    assert not noisy(depth, NoiseModel()).any()


def test_bad_parameters_are_named() -> None:
    with pytest.raises(ValueError, match="axial"):
        NoiseModel(axial=-1)
    with pytest.raises(ValueError, match="matching_window"):
        NoiseModel(matching_window=4)
