"""The same bed in other simulators. Each `build` returns a function that advances 0.1 s, and a label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from prpd_train.scene.generator import place_grains
from prpd_train.scene.spec import SceneSpec

Step = Callable[[int], None]


@dataclass(frozen=True)
class Peer:
    """Another simulator."""

    build: Callable[[SceneSpec, int], tuple[Step, str]]
    batched: bool
    """Whether it can hold several environments at once."""
    most: int = 10**9
    """Grains; with more, a single step would take longer than anybody waits."""


def _walls(spec: SceneSpec) -> list[tuple[np.ndarray, np.ndarray]]:
    """Half sizes and centres of four walls around the bed; the floor is a plane at `spec.bed.floor`."""
    (x, y), t, h = np.array(spec.bed.footprint) / 2, 0.05, 0.15
    z = spec.bed.floor + h
    walls = []
    for side in (-1, 1):
        walls.append((np.array([t, y + 2 * t, h]), np.array([side * (x + t), 0, z])))
        walls.append((np.array([x, t, h]), np.array([0, side * (y + t), z])))
    return walls


def _plate(k: int, part: float) -> float:
    """m, y of the sweeping plate during control step `k`, for `part` of it in 0..1."""
    return 0.05 * np.sin(2 * np.pi * (k + part) / 16)


def newton(spec: SceneSpec, envs: int) -> tuple[Step, str]:
    """Newton's XPBD on particles, without the plate; 8 substeps of 1/80 s with 4 iterations would tunnel: 24 with 2."""
    import newton as nt
    import warp as wp

    substeps, iterations = 24, 2
    builder = nt.ModelBuilder()
    grains = place_grains(spec, spec.grains.spheres)
    # Side by side in one world, too far apart to touch.
    for env in range(envs):
        offset = np.array([0.5 * (env % 8), 0.5 * (env // 8), 0.0])
        points = grains + offset - np.array([0, 0, spec.bed.floor])
        mass = spec.grains.total_mass / spec.grains.spheres
        n = len(points)
        builder.add_particles(
            pos=[wp.vec3(*p) for p in points],
            vel=[wp.vec3(0.0)] * n,
            mass=[mass] * n,
            radius=[spec.grains.diameter / 2] * n,
        )
        for half, centre in _walls(spec):
            place = wp.transform(wp.vec3(*(centre + offset - np.array([0, 0, spec.bed.floor]))), wp.quat_identity())
            builder.add_shape_box(-1, xform=place, hx=float(half[0]), hy=float(half[1]), hz=float(half[2]))
    builder.add_ground_plane()
    model = builder.finalize(device="cpu")
    model.particle_mu = spec.materials.soil
    model.soft_contact_mu = spec.materials.ground
    solver = nt.solvers.SolverXPBD(model, iterations=iterations)
    first, second, control = model.state(), model.state(), model.control()
    h = 0.1 / substeps

    def step(_: int) -> None:
        nonlocal first, second
        for _substep in range(substeps):
            first.clear_forces()
            contacts = model.collide(first)
            solver.step(first, second, control, contacts, h)
            first, second = second, first

    for _ in range(2):
        step(0)
    return step, f"newton XPBD, 1/240 s x {iterations}, no plate"


def mujoco(spec: SceneSpec, _: int) -> tuple[Step, str]:
    """MuJoCo: free spheres, elliptic cones, Newton solver, 4 ms."""
    import mujoco as mj

    model_spec = mj.MjSpec()
    model_spec.option.timestep = 0.004
    model_spec.option.cone = mj.mjtCone.mjCONE_ELLIPTIC
    friction = [spec.materials.soil, 0.005, 0.0001]
    world = model_spec.worldbody
    world.add_geom(type=mj.mjtGeom.mjGEOM_PLANE, size=[1, 1, 0.1], pos=[0, 0, spec.bed.floor], friction=friction)
    for half, centre in _walls(spec):
        world.add_geom(type=mj.mjtGeom.mjGEOM_BOX, size=half, pos=centre, friction=friction)
    plate = world.add_body(mocap=True, pos=[0, 0, 0])
    plate.add_geom(type=mj.mjtGeom.mjGEOM_BOX, size=[0.055, 0.005, 0.04], friction=friction)
    mass = spec.grains.total_mass / spec.grains.spheres
    for point in place_grains(spec, spec.grains.spheres):
        body = world.add_body(pos=point)
        body.add_freejoint()
        body.add_geom(
            type=mj.mjtGeom.mjGEOM_SPHERE, size=[spec.grains.diameter / 2, 0, 0], mass=mass, friction=friction
        )
    model = model_spec.compile()
    data = mj.MjData(model)

    def step(k: int) -> None:
        for i in range(25):
            data.mocap_pos[0] = (0.0, _plate(k, i / 25), 0.0)
            mj.mj_step(model, data)

    step(0)
    return step, "mujoco spheres, 1/250 s"


def pybullet(spec: SceneSpec, _: int) -> tuple[Step, str]:
    """PyBullet: spheres, 1/240 s, default solver."""
    import pybullet as pb

    client = pb.connect(pb.DIRECT)
    pb.resetSimulation(physicsClientId=client)
    pb.setGravity(0, 0, -9.81, physicsClientId=client)
    pb.setTimeStep(1 / 240, physicsClientId=client)

    def body(shape: int, mass: float, position: np.ndarray) -> int:
        made = pb.createMultiBody(mass, shape, basePosition=list(position), physicsClientId=client)
        pb.changeDynamics(made, -1, lateralFriction=spec.materials.soil**0.5, physicsClientId=client)
        return made

    walls = [*_walls(spec), (np.array([0.5, 0.5, 0.05]), np.array([0, 0, spec.bed.floor - 0.05]))]
    for half, centre in walls:
        body(pb.createCollisionShape(pb.GEOM_BOX, halfExtents=list(half), physicsClientId=client), 0.0, centre)
    plate_shape = pb.createCollisionShape(pb.GEOM_BOX, halfExtents=[0.055, 0.005, 0.04], physicsClientId=client)
    plate = body(plate_shape, 0.0, np.zeros(3))
    ball = pb.createCollisionShape(pb.GEOM_SPHERE, radius=spec.grains.diameter / 2, physicsClientId=client)
    for point in place_grains(spec, spec.grains.spheres):
        body(ball, spec.grains.total_mass / spec.grains.spheres, point)

    def step(k: int) -> None:
        for i in range(24):
            place = [0.0, _plate(k, i / 24), 0.0]
            pb.resetBasePositionAndOrientation(plate, place, [0, 0, 0, 1], physicsClientId=client)
            pb.stepSimulation(physicsClientId=client)

    step(0)
    return step, "pybullet spheres, 1/240 s"


# MuJoCo solves all contacts at once: with 205 grains 36 s of processor time for a simulated second, with 1,905 it did
# not end a tenth of one in six minutes.
PEERS = (Peer(newton, True), Peer(mujoco, False, most=1000), Peer(pybullet, False))


def missing() -> list[str]:
    """Packages of these simulators that are not installed."""
    return [name for name in ("newton", "mujoco", "pybullet") if find_spec(name) is None]
