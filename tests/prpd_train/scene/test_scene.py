"""Scenes: the same arguments give the same scene, and the physical scene does not change with the grain size."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import fields

import numpy as np
import pytest

from prpd_train.scene.generator import make_scene, place_grains
from prpd_train.scene.randomisation import Randomisation, Sample
from prpd_train.scene.rock_shapes import ROCK_SHAPES

DELTAS = (0.07, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.005)


def test_equal_arguments_give_equal_bytes():
    a, b = (make_scene(0.03, "solid", 7, Randomisation(), rock_shape="natural") for _ in range(2))
    assert a == b and a.digest() == b.digest() and pickle.dumps(a) == pickle.dumps(b)
    assert place_grains(a, 50).tobytes() == place_grains(b, 50).tobytes()
    assert a.digest() != make_scene(0.03, "solid", 8, Randomisation(), rock_shape="natural").digest()


@pytest.mark.parametrize("shape", ROCK_SHAPES)
def test_the_physical_scene_is_the_same_at_every_grain_size(shape):
    scenes = [make_scene(delta, seed=3, randomisation=Randomisation(), rock_shape=shape) for delta in DELTAS]
    first = scenes[0]
    for scene in scenes:
        assert scene.bed == first.bed
        assert scene.grains.total_mass == first.grains.total_mass
        assert scene.rock.volume == first.rock.volume and scene.rock.mass == first.rock.mass
        assert len(scene.rock.cells) * scene.rock.voxel_edge**3 == pytest.approx(scene.rock.volume)
        assert np.allclose(scene.rock.position, first.rock.position, atol=scene.delta)
        assert scene.sample == first.sample


@pytest.mark.parametrize("shape", ROCK_SHAPES)
@pytest.mark.parametrize("delta", DELTAS)
def test_a_rock_is_one_piece_about_its_centre(shape, delta):
    rock = make_scene(delta, rock_shape=shape).rock
    assert np.allclose(rock.voxel_centres().mean(0), 0)
    cells = set(rock.cells)
    reached, border = set(), [rock.cells[0]]
    while border:
        cell = border.pop()
        if cell in cells and cell not in reached:
            reached.add(cell)
            border += [tuple(np.add(cell, d)) for d in itertools.product((-1, 0, 1), repeat=3)]
    assert reached == cells
    assert (np.linalg.eigvalsh(rock.inertia()) > 0).all()


def test_a_fine_cube_has_the_inertia_of_a_cube():
    rock = make_scene(0.005).rock
    assert rock.inertia() == pytest.approx(np.eye(3) * rock.mass * rock.size**2 / 6)


def test_fine_shapes_differ():
    plate, natural, cube = (make_scene(0.01, rock_shape=s).rock for s in ("plate", "natural", "cube"))
    assert plate.radius() > cube.radius() > natural.radius()


def test_without_randomisation_a_sample_holds_the_nominal_values():
    assert make_scene(0.05, seed=5).sample == Sample()
    assert make_scene(0.05, seed=5, randomisation=Randomisation.off()).sample == Sample()


@pytest.mark.parametrize("name", [field.name for field in fields(Randomisation)])
def test_each_randomisation_can_be_switched_off_and_leaves_the_others(name):
    everything = Randomisation().sample(np.random.default_rng(1))
    without = Randomisation().without(name).sample(np.random.default_rng(1))
    nominal = Sample()
    for field in fields(Sample):
        now = getattr(without, field.name)
        assert now == (getattr(nominal, field.name) if field.name == name else getattr(everything, field.name))


def test_samples_fill_their_ranges():
    ranges = Randomisation()
    samples = [ranges.sample(np.random.default_rng(seed)) for seed in range(400)]
    for field in fields(Randomisation):
        if field.name in ("rock_observation_noise", "flag_error_rate", "rock_force"):
            continue
        low, high = getattr(ranges, field.name)
        values = np.array([getattr(sample, field.name) for sample in samples])
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high >= values.max() > high - 0.1 * (high - low)
    forces = [np.linalg.norm(sample.rock_force) for sample in samples]
    assert 0 <= min(forces) < 0.1 and 0.9 < max(forces) <= 1


def test_a_random_rock_lies_in_its_bed():
    for seed in range(200):
        scene = make_scene(0.03, "paper", seed, Randomisation(), rock_shape=ROCK_SHAPES[seed % 3])
        lowest = scene.rock.position[2] + scene.rock.corners()[:, 2].min()
        assert lowest >= scene.bed.floor - 1e-9
        assert np.all(np.abs(scene.rock.position[:2]) <= np.array(scene.bed.footprint) / 2)


@pytest.mark.parametrize("delta", DELTAS)
def test_grains_start_inside_the_pit(delta):
    scene = make_scene(delta)
    points = place_grains(scene, scene.grains.spheres)
    radius = scene.grains.diameter / 2
    assert len(points) == scene.grains.spheres
    assert np.all(np.abs(points[:, :2]) <= np.array(scene.bed.footprint) / 2 - radius + 1e-9)
    assert points[:, 2].min() >= scene.bed.floor + radius


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"delta": -0.01}, "delta must be positive"),
        ({"delta": float("nan")}, "delta must be positive"),
        ({"delta": 0.5}, "use a smaller delta"),
        ({"delta": 0.03, "footprint": (0.05, 0.3)}, "does not fit a bed"),
        ({"delta": 0.03, "depth": 0.0}, "depth must be positive"),
        ({"delta": 0.03, "footprint": (-0.2, 0.2)}, "footprint x must be positive"),
        ({"delta": 0.03, "preset": "mud"}, "'mud' is not known"),
        ({"delta": 0.03, "rock_shape": "ball"}, "'ball' is not known"),
        ({"delta": 0.03, "soil_density": -1.0}, "soil_density must be positive"),
    ],
)
def test_bad_scenes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_scene(**arguments)


def test_bad_ranges_are_refused():
    with pytest.raises(ValueError, match="low <= high"):
        Randomisation(friction=(1.2, 0.8))
    with pytest.raises(ValueError, match="stay positive"):
        Randomisation(rock_mass=(0.0, 1.0))
    with pytest.raises(ValueError, match="no randomisation is called wind"):
        Randomisation().without("wind")
