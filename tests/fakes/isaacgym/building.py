"""The part of the fake `Gym` that builds a simulation."""

import copy

import numpy as np

from isaacgym import assets, sim
from isaacgym.rules import rule
from isaacgym.structs import AssetOptions, RigidBodyProperties, RigidShapeProperties, Vec3

MOST_MATERIALS = 64_000
DOF_PROPERTIES = np.dtype(
    [("hasLimits", "?"), ("lower", "f4"), ("upper", "f4"), ("driveMode", "i4"), ("stiffness", "f4"), ("damping", "f4")]
    + [(name, "f4") for name in ("velocity", "effort", "friction", "armature")]
)


class Building:
    """Calls allowed before `prepare_sim`."""

    def create_sim(self, compute_device=0, graphics_device=0, type="SIM_FLEX", params=None):
        rule(not sim._last, "create_sim a second time in one process: the first simulation leaks")
        rule(type == "SIM_PHYSX", "create_sim takes Flex unless it is told SIM_PHYSX")
        rule(params is not None, "create_sim without params")
        unset = params.unset() + params.physx.unset()
        rule(not unset, f"the documents disagree about the defaults of {unset}; set them")
        rule(
            params.up_axis == "UP_AXIS_Z" and params.gravity.z < 0 == params.gravity.x == params.gravity.y,
            "gravity is not along -z",
        )
        rule(not params.use_gpu_pipeline or params.physx.use_gpu, "the GPU pipeline needs GPU PhysX")
        rule(
            params.physx.contact_collection != "CC_ALL_SUBSTEPS" or params.substeps == 1,
            "CC_ALL_SUBSTEPS does not work",
        )
        rule(1 <= params.physx.num_position_iterations <= 255, "position iterations are out of range")
        return sim.Sim(params)

    def add_ground(self, sim, params):
        self._building(sim, "add_ground")
        rule(not params.unset(), f"set {params.unset()} of the plane")
        rule(params.normal.numbers() == (0.0, 0.0, 1.0), "the plane is made for y up unless its normal says z")
        sim.plane = params

    def create_env(self, sim_, lower, upper, num_per_row):
        self._building(sim_, "create_env")
        if sim_.envs:
            sim_.envs[-1].closed = True
        size = np.subtract(upper.numbers(), lower.numbers())
        rule((size > 0).all(), "an environment's upper bounds must lie above its lower ones")
        rule(isinstance(num_per_row, int) and num_per_row > 0, f"num_per_row is {num_per_row!r}")
        row, column = divmod(len(sim_.envs), num_per_row)
        env = sim.Env(np.array([column * size[0], row * size[1], 0.0]))
        env.sim = sim_
        sim_.envs.append(env)
        return env

    def create_box(self, sim, width, height, depth, options=None):
        self._building(sim, "create_box")
        return self._asset(sim, assets.box((width, height, depth), options or AssetOptions()))

    def load_asset(self, sim, rootpath, filename, options=None):
        self._building(sim, "load_asset")
        return self._asset(sim, assets.urdf(f"{rootpath}/{filename}", options or AssetOptions()))

    def get_asset_rigid_shape_properties(self, asset):
        return [_copied(shape) for shape in asset.shape_properties]

    def set_asset_rigid_shape_properties(self, asset, properties):
        rule(not asset.used, "shape properties of an asset that actors were already made of")
        rule(len(properties) == len(asset.shape_properties), "shape properties must be set for all shapes at once")
        for shape in properties:
            for name in shape.flex_only:
                rule(getattr(shape, name) == RigidShapeProperties.fields[name], f"PhysX ignores a shape's {name}")
            rule(shape.rest_offset < shape.contact_offset, "rest_offset must be below contact_offset")
        asset.shape_properties = [_copied(shape) for shape in properties]
        materials = {(s.friction, s.restitution) for a in asset.sim.assets for s in a.shape_properties}
        rule(len(materials) <= MOST_MATERIALS, "more than 64k materials")

    def create_actor(self, env, asset, pose, name=None, group=-1, filter=-1, segmentationId=0):  # noqa: N803
        self._building(env.sim, "create_actor")
        rule(not env.closed, "an actor for an environment after the next one was begun")
        bodies, dofs = env.sim.counts()[1:]
        position, quaternion = np.array(pose.p.numbers()), np.array(pose.r.numbers())
        rule(
            abs(np.linalg.norm(quaternion) - 1) < 1e-4, f"the attitude {quaternion} is no unit quaternion (x, y, z, w)"
        )
        asset.used = True
        actor = sim.Actor(asset, name, group, filter, env.sim.counts()[0], bodies, dofs, position, quaternion)
        actor.dof_properties = np.zeros(len(asset.joints), DOF_PROPERTIES)
        env.actors.append(actor)
        return len(env.actors) - 1

    def get_actor_dof_properties(self, env, actor):
        return env.actors[actor].dof_properties.copy()

    def set_actor_dof_properties(self, env, actor, properties):
        self._no_loop(env.sim, "set_actor_dof_properties")
        env.actors[actor].dof_properties = properties.copy()
        return True

    def get_actor_rigid_body_properties(self, env, actor):
        self._no_loop(env.sim, "get_actor_rigid_body_properties")
        found = []
        for body in env.actors[actor].asset.bodies:
            properties = RigidBodyProperties()
            properties.mass = body.mass
            found.append(properties)
        return found

    def get_env_origin(self, env):
        return Vec3(*env.origin)

    def get_actor_index(self, env, actor, domain):
        _sim_domain(domain)
        return env.actors[actor].index

    def find_actor_rigid_body_index(self, env, actor, name, domain):
        _sim_domain(domain)
        found = env.actors[actor]
        names = [body.name for body in found.asset.bodies]
        rule(name in names, f"no body {name!r} in {names}")
        return found.first_body + names.index(name)

    def find_actor_dof_index(self, env, actor, name, domain):
        _sim_domain(domain)
        found = env.actors[actor]
        rule(name in found.asset.joints, f"no joint {name!r} in {found.asset.joints}")
        return found.first_dof + found.asset.joints.index(name)

    def get_sim_rigid_body_count(self, sim):
        return sim.counts()[1]

    def prepare_sim(self, sim):
        self._building(sim, "prepare_sim")
        rule(sim.envs and all(env.actors for env in sim.envs), "prepare_sim without actors in every environment")
        sim.prepared = True
        sim.allocate()
        return True

    def _asset(self, sim, asset):
        if not hasattr(sim, "assets"):
            sim.assets = []
        sim.assets.append(asset)
        asset.sim = sim
        return asset

    def _building(self, sim, call):
        sim.calls.append(call)
        rule(not sim.destroyed, f"{call} after destroy_sim")
        rule(not sim.prepared, f"{call} after prepare_sim")

    def _no_loop(self, sim, call):
        rule(
            not (sim.prepared and sim.params.use_gpu_pipeline),
            f"{call} is of the CPU's API; with the GPU pipeline it belongs before prepare_sim",
        )


def _sim_domain(domain):
    rule(domain == "DOMAIN_SIM", f"tensors are indexed by DOMAIN_SIM, not {domain}")


def _copied(struct):
    return copy.copy(struct)
