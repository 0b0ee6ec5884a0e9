"""What an asset is made of: read back from a URDF, or one box."""

import xml.etree.ElementTree as Xml
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from isaacgym.rules import rule
from isaacgym.structs import RigidShapeProperties

MOST_BODIES = 256


@dataclass
class Shape:
    """A box in its body's frame."""

    size: tuple
    position: tuple = (0.0, 0.0, 0.0)
    rpy: tuple = (0.0, 0.0, 0.0)


@dataclass
class Body:
    name: str
    mass: float
    inertia: np.ndarray
    shapes: list = field(default_factory=list)


@dataclass
class Asset:
    bodies: list
    joints: list
    options: object
    shape_properties: list = None
    used: bool = False

    def __post_init__(self):
        rule(
            len(self.bodies) <= MOST_BODIES,
            f"an asset of {len(self.bodies)} bodies; prepare_sim fails beyond {MOST_BODIES}",
        )
        self.shape_properties = [RigidShapeProperties() for body in self.bodies for _ in body.shapes]


def box(size, options):
    mass = options.density * float(np.prod(size))
    x, y, z = np.square(size)
    inertia = np.diag([y + z, x + z, x + y]) * mass / 12
    return Asset([Body("box", mass, inertia, [Shape(tuple(size))])], [], options)


def urdf(path, options):
    rule(Path(path).is_file(), f"there is no asset file {path}")
    robot = Xml.parse(path).getroot()
    bodies = [_link(link) for link in robot.findall("link")]
    joints = robot.findall("joint")
    # A fixed base is massless to the solver, everything else needs a mass.
    for body in bodies[1 if options.fix_base_link else 0 :]:
        rule(body.mass > 0, f"link {body.name!r} has no mass")
    for joint in joints:
        rule(joint.get("type") in ("prismatic", "revolute", "fixed"), f"joint type {joint.get('type')!r}")
        rule(joint.find("limit") is not None, f"joint {joint.get('name')!r} needs limits of effort and velocity")
    depth = {robot.find("link").get("name"): 0}
    for joint in joints:
        parent, child = joint.find("parent").get("link"), joint.find("child").get("link")
        rule(parent in depth, f"joint {joint.get('name')!r} hangs on {parent!r}, which is not joined to the base")
        depth[child] = depth[parent] + 1
    rule(len(depth) == len(bodies), "a link hangs on no joint")
    return Asset(bodies, [joint.get("name") for joint in joints], options)


def _link(link):
    inertia = link.find("inertial/inertia")
    names = ["ixx", "ixy", "ixz", "iyy", "iyz", "izz"]
    a, b, c, d, e, f = (float(inertia.get(name)) for name in names)
    matrix = np.array([[a, b, c], [b, d, e], [c, e, f]])
    body = Body(link.get("name"), float(link.find("inertial/mass").get("value")), matrix)
    for collision in link.findall("collision"):
        origin = collision.find("origin")
        numbers = [tuple(float(v) for v in origin.get(key).split()) for key in ("xyz", "rpy")]
        size = tuple(float(v) for v in collision.find("geometry/box").get("size").split())
        body.shapes.append(Shape(size, *numbers))
    return body
