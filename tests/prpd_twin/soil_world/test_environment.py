import numpy as np
import pytest

from prpd_task.errors import UserError
from prpd_task.frames import Pose
from prpd_twin.soil_world.environment import load, names
from prpd_twin.soil_world.rock_mesh import rock_mesh


def test_there_are_nine_rocks_by_beds():
    assert names() == sorted(f"{r}_{b}" for r in ("cube", "plate", "natural") for b in ("sand", "gravel", "deep"))


@pytest.mark.parametrize("name", names())
def test_every_seed_gives_a_rock_inside_the_box_that_can_be_seen(name):
    environment = load(name)
    scenes = [environment.scene(seed) for seed in range(12)]
    for scene in scenes:
        rock = scene.rock
        corners = Pose.from_arrays(rock.position, rock.quaternion).apply(rock.corners())
        assert (np.abs(corners[:, :2]) <= np.array(scene.bed.footprint) / 2 + 1e-9).all()
        # A bed of loose cubes, swollen by the rock in it, stands about 10 mm above its nominal surface.
        assert corners[:, 2].max() > scene.bed.surface_height + 0.015
        assert corners[:, 2].min() >= scene.bed.floor - 1e-9
    assert len({scene.rock.position for scene in scenes}) == len(scenes)


def test_the_same_seed_gives_the_same_soil_to_the_byte():
    assert load("natural_gravel").scene(3).digest() == load("natural_gravel").scene(3).digest()
    assert load("natural_gravel").scene(3).digest() != load("natural_gravel").scene(4).digest()


def test_deep_is_deeper_and_gravel_is_coarser():
    sand, deep, gravel = (load(f"cube_{bed}") for bed in ("sand", "deep", "gravel"))
    assert deep.scene(0).rock.position[2] < sand.scene(0).rock.position[2]
    assert gravel.scene(0).grains.edge > sand.scene(0).grains.edge
    assert gravel.scene(0).materials.soil > sand.scene(0).materials.soil


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rock: sphere\ngrain_size: 0.014\nburial: 0.0\ndescription: x\n", "rock 'sphere' is not one of cube, plate"),
        ("rock: cube\ngrain_size: 0\nburial: 0.0\ndescription: x\n", "grain_size must be positive"),
        ("rock: cube\ngrain: 0.014\n", "expected the fields description, rock"),
        ("rock: cube\ngrain_size: big\nburial: 0.0\ndescription: x\n", "grain_size must be a float, not 'big'"),
        ("rock: cube\n", "missing 3 required"),
        ("rock: [", "not readable as YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load(str(path))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(UserError, match=r"no environment 'cube_mud'; known are cube_deep"):
        load("cube_mud")


@pytest.mark.parametrize("name", ["cube_sand", "plate_sand", "natural_gravel"])
def test_the_rocks_mesh_is_closed_and_holds_its_volume(name):
    rock = load(name).scene(0).rock
    vertices, triangles = rock_mesh(rock)
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    assert np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6 == pytest.approx(rock.volume)
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    there, back = {}, {}
    for i, j in edges.tolist():
        there[i, j] = there.get((i, j), 0) + 1
        back[j, i] = back.get((j, i), 0) + 1
    assert there == back
