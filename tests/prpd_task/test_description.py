from __future__ import annotations

import xml.etree.ElementTree as Xml
from dataclasses import replace

import numpy as np
import pytest
import yaml

from prpd_task import description, ur5e
from prpd_task.bucket import BucketGeometry
from prpd_task.cell import BASE_LINK_FROM_BASE, Cell
from prpd_task.description import description_data, has_ur_description, main, robot_description, urdf_directory
from prpd_task.frames import Pose

pin = pytest.importorskip("pinocchio")

ODD_CELL = Cell(
    base_link_from_soil=Pose.from_rpy((0.5, -0.1, -0.2), 0.02, -0.03, 0.7),
    tool0_from_bucket=Pose.from_rpy((0.01, -0.05, 0.28), np.pi + 0.1, 0.05, -0.2),
    soil_from_camera=Pose.from_rpy((0.1, 0.6, 0.7), 2.0, np.pi / 2, 0.4),
)


def placements(urdf: str, joints: np.ndarray) -> dict[str, np.ndarray]:
    """`base_link` to each frame."""
    model = pin.buildModelFromXML(urdf)
    data = model.createData()
    pin.framesForwardKinematics(model, data, joints)
    root = data.oMf[model.getFrameId("base_link")].inverse()
    return {frame.name: (root * data.oMf[i]).homogeneous for i, frame in enumerate(model.frames)}


@pytest.mark.parametrize("cell", [Cell(), ODD_CELL])
def test_frames_are_where_the_cell_says(cell: Cell) -> None:
    joints = np.array([0.3, -1.2, 1.4, -1.7, -1.5, 0.2])
    frames = placements(robot_description(cell, maker=False), joints)
    tool0 = BASE_LINK_FROM_BASE.matrix() @ ur5e.forward(joints)
    expected = {
        "base": BASE_LINK_FROM_BASE.matrix(),
        "tool0": tool0,
        "bucket": tool0 @ cell.tool0_from_bucket.matrix(),
        "soil": cell.base_link_from_soil.matrix(),
        "camera_depth_optical_frame": (cell.base_link_from_soil @ cell.soil_from_camera).matrix(),
    }
    for name, matrix in expected.items():
        np.testing.assert_allclose(frames[name], matrix, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("bucket", [BucketGeometry(), BucketGeometry(shape="solid", width=0.2, mass=0.8)])
def test_bucket_is_the_one_of_training(bucket: BucketGeometry) -> None:
    link = Xml.fromstring(robot_description(bucket=bucket, maker=False)).find("link[@name='bucket']")
    for tag in ("visual", "collision"):
        pieces = {piece.get("name"): piece for piece in link.findall(tag)}
        assert set(pieces) == {box.name for box in bucket.boxes()} | {"holder"}
        for box in bucket.boxes():
            piece = pieces[box.name]
            numbers = [np.fromstring(piece.find("origin").get(key), sep=" ") for key in ("xyz", "rpy")]
            size = np.fromstring(piece.find("geometry/box").get("size"), sep=" ")
            expected = [*box.centre, box.pitch, 0, 0, *box.size]
            np.testing.assert_allclose(np.concatenate([*numbers, size]), expected, atol=1e-8)
    assert float(link.find("inertial/mass").get("value")) == bucket.mass


def test_holder_reaches_from_the_bucket_to_the_flange() -> None:
    for cell in (Cell(), ODD_CELL):
        data = description_data(cell, BucketGeometry())["bucket"]["holder"][0]
        pose = Pose.from_rpy(data["xyz"], *data["rpy"])
        ends = pose.apply(np.array([[0, 0, s * data["size"][2] / 2] for s in (-1, 1)]))
        np.testing.assert_allclose(ends[1], cell.tool0_from_bucket.inverse().position, atol=1e-6)
        assert ends[0][1] < -BucketGeometry().length / 2, "it begins behind the bowl"


def test_bucket_inertia_is_that_of_its_boxes() -> None:
    bucket = BucketGeometry(shape="solid")
    data = description_data(Cell(), bucket)["bucket"]
    rng, points, weights = np.random.default_rng(0), [], []
    for box in bucket.boxes():
        points.append(np.array(box.centre) + (rng.random((20000, 3)) - 0.5) * box.size)
        weights.append(np.full(20000, np.prod(box.size)))
    points, weights = np.concatenate(points), np.concatenate(weights)
    weights = weights / weights.sum() * bucket.mass
    cog = weights @ points
    np.testing.assert_allclose(data["cog"], cog / bucket.mass, atol=1e-3)
    squares = weights @ (points - cog / bucket.mass) ** 2
    np.testing.assert_allclose(data["inertia"], squares.sum() - squares, rtol=0.02)


def test_committed_numbers_are_those_of_the_code() -> None:
    committed = yaml.safe_load((urdf_directory() / "cell.yaml").read_text())
    assert committed == description_data(Cell(), BucketGeometry()), "run python -m prpd_task.description --write-data"


def test_xacro_files_stand_alone() -> None:
    import xacro

    alone = xacro.process_file(str(urdf_directory() / "cell.urdf.xacro")).toxml()
    assert Xml.canonicalize(alone, strip_text=True) == Xml.canonicalize(robot_description(maker=False), strip_text=True)


def test_any_importer_can_read_it() -> None:
    """One root, a tree, primitives only, limits on what moves, masses on what moves: Isaac Gym asks for all of that."""
    robot = Xml.fromstring(robot_description(maker=False))
    links = [link.get("name") for link in robot.findall("link")]
    joints = robot.findall("joint")
    children = [joint.find("child").get("link") for joint in joints]
    assert len(set(links)) == len(links) and len(set(children)) == len(children)
    assert set(links) - set(children) == {"base_link"}
    assert robot.find("link[@name='base_link']/inertial") is None, "robot_state_publisher warns of a root with a mass"
    assert not robot.findall(".//mesh") and not robot.findall(".//{*}mesh")
    moving = [joint for joint in joints if joint.get("type") == "revolute"]
    assert tuple(joint.get("name") for joint in moving) == ur5e.JOINT_NAMES
    for joint in moving:
        limit = joint.find("limit")
        assert float(limit.get("upper")) == pytest.approx(ur5e.JOINT_LIMIT)
        assert float(limit.get("velocity")) == pytest.approx(ur5e.JOINT_SPEED_LIMIT)
        mass = robot.find(f"link[@name='{joint.find('child').get('link')}']/inertial")
        inertia = [float(mass.find("inertia").get(key)) for key in ("ixx", "iyy", "izz")]
        assert float(mass.find("mass").get("value")) > 0 and 2 * max(inertia) <= sum(inertia) + 1e-12
    materials = {element.get("name") for element in robot.findall("material")}
    assert {element.get("name") for element in robot.findall("link/visual/material")} <= materials


@pytest.mark.skipif(not has_ur_description(), reason="the package ur_description is not installed")
def test_the_makers_description_has_the_same_frames() -> None:
    joints = np.array([0.3, -1.2, 1.4, -1.7, -1.5, 0.2])
    ours, makers = (placements(robot_description(ODD_CELL, maker=maker), joints) for maker in (False, True))
    for name in ours:
        if name in makers and name != "universe":
            np.testing.assert_allclose(makers[name], ours[name], atol=1e-6, err_msg=name)


def test_command_prints_the_urdf_and_refuses_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert Xml.fromstring(capsys.readouterr().out).get("name") == "prpd_cell"
    assert main(["--help-me"]) == 2


def test_missing_files_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(description, "__file__", str(tmp_path / "a" / "b" / "c" / "d" / "e" / "description.py"))
    with pytest.raises(FileNotFoundError, match="reinstall prpd_task"):
        urdf_directory()


def test_written_data_can_be_written_again(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(description, "urdf_directory", lambda: tmp_path)
    assert main(["--write-data"]) == 0
    assert yaml.safe_load((tmp_path / "cell.yaml").read_text()) == description_data(replace(Cell()), BucketGeometry())
