"""Bodies as URDF, the only way to give Isaac Gym a body of several boxes or one that joints move.

Boxes need no mesh files and no convex decomposition, which would otherwise fill the bowl or approximate it.
"""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from typing import Optional, Sequence, Tuple

import numpy as np

from prpd_task.frames import Pose
from prpd_train.scene.pieces import Body

BUCKET_JOINTS = ("x", "y", "z", "pitch")
"""In this order from the world to the bucket, so that joint positions are a bucket pose."""
CARRIER_MASS = 1.0
"""kg, of each moving link. The drives hold them; they need a mass because a body without one is not simulated."""
CARRIER_INERTIA = 0.01
"""kg m^2."""
DRIVE_FORCE = 1e5
"""N or N m, far beyond what soil or rock can ask for."""
DRIVE_SPEED = 20.0
"""m/s or rad/s."""
REACH = 10.0
"""m or rad, either way: the workspace is limited elsewhere."""


def body_urdf(body: Body) -> str:
    """One link with all of the body's boxes; its origin is the body's frame."""
    robot = Xml.Element("robot", name=body.kind)
    _link(robot, body.kind, body, body.mass or 1.0, np.asarray(body.inertia) if body.mass else np.eye(3))
    return Xml.tostring(robot, encoding="unicode")


def bucket_urdf(bucket: Body) -> str:
    """The bucket on three slides along the soil frame's axes and a hinge about x."""
    robot = Xml.Element("robot", name=bucket.kind)
    inertia = np.eye(3) * CARRIER_INERTIA
    links = ["root"] + [f"carrier_{name}" for name in BUCKET_JOINTS[:-1]] + [bucket.kind]
    for name in links:
        _link(robot, name, bucket if name == bucket.kind else None, CARRIER_MASS, inertia)
    axes = ("1 0 0", "0 1 0", "0 0 1", "1 0 0")
    for name, axis, parent, child in zip(BUCKET_JOINTS, axes, links, links[1:]):
        joint = Xml.SubElement(robot, "joint", name=name, type="revolute" if name == "pitch" else "prismatic")
        Xml.SubElement(joint, "parent", link=parent)
        Xml.SubElement(joint, "child", link=child)
        Xml.SubElement(joint, "origin", xyz="0 0 0", rpy="0 0 0")
        Xml.SubElement(joint, "axis", xyz=axis)
        limits = {"lower": -REACH, "upper": REACH, "effort": DRIVE_FORCE, "velocity": DRIVE_SPEED}
        Xml.SubElement(joint, "limit", {key: repr(value) for key, value in limits.items()})
    return Xml.tostring(robot, encoding="unicode")


def roll_pitch_yaw(quaternion: Sequence[float]) -> Tuple[float, float, float]:
    """rad, fixed-axis angles (URDF's rpy) of a unit quaternion (x, y, z, w)."""
    x, y, z, w = quaternion
    roll = np.arctan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y))
    pitch = np.arcsin(np.clip(2 * (w * y - z * x), -1.0, 1.0))
    yaw = np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    return float(roll), float(pitch), float(yaw)


def _link(robot: Xml.Element, name: str, body: Optional[Body], mass: float, inertia: np.ndarray) -> None:
    link = Xml.SubElement(robot, "link", name=name)
    inertial = Xml.SubElement(link, "inertial")
    Xml.SubElement(inertial, "origin", xyz="0 0 0", rpy="0 0 0")
    Xml.SubElement(inertial, "mass", value=repr(float(mass)))
    entries = {f"i{'xyz'[i]}{'xyz'[j]}": repr(float(inertia[i, j])) for i in range(3) for j in range(i, 3)}
    Xml.SubElement(inertial, "inertia", entries)
    for piece in body.pieces if body else ():
        for kind in ("visual", "collision"):
            element = Xml.SubElement(link, kind, name=piece.name)
            _origin(element, piece.pose)
            Xml.SubElement(Xml.SubElement(element, "geometry"), "box", size=_numbers(piece.size))


def _origin(parent: Xml.Element, pose: Pose) -> None:
    Xml.SubElement(parent, "origin", xyz=_numbers(pose.position), rpy=_numbers(roll_pitch_yaw(pose.quaternion)))


def _numbers(values: Sequence[float]) -> str:
    return " ".join(repr(float(value)) for value in values)
