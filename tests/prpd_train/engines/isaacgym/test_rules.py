"""The rules that the fake enforces are alive: each is broken here once, on purpose."""

from __future__ import annotations

import importlib
import re

import numpy as np
import pytest
import torch

INERTIAL = '<inertial><mass value="1"/><inertia ixx="1" ixy="0" ixz="0" iyy="1" iyz="0" izz="1"/></inertial>'
URDF = f"""<robot name="cart">
  <link name="root">{INERTIAL}</link>
  <link name="cart">{INERTIAL}
    <collision><origin xyz="0 0 0" rpy="0 0 0"/><geometry><box size="1 1 1"/></geometry></collision></link>
  <joint name="slide" type="prismatic"><parent link="root"/><child link="cart"/><axis xyz="1 0 0"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/></joint>
</robot>"""


@pytest.fixture
def api(fake):
    return importlib.import_module("isaacgym.gymapi")


@pytest.fixture
def gymtorch(fake):
    return importlib.import_module("isaacgym.gymtorch")


@pytest.fixture
def params(api):
    """Sound ones."""
    params = api.SimParams()
    params.dt, params.substeps, params.up_axis = 0.01, 1, api.UP_AXIS_Z
    params.gravity, params.use_gpu_pipeline = api.Vec3(0, 0, -9.81), True
    for name in params.physx.unset():
        setattr(params.physx, name, 1)
    params.physx.contact_collection, params.physx.use_gpu = api.CC_LAST_SUBSTEP, True
    return params


class World:
    """A driven cart and two boxes, sound so far."""

    def __init__(self, api, params, folder):
        self.api, self.gym = api, api.acquire_gym()
        self.sim = self.gym.create_sim(0, -1, api.SIM_PHYSX, params)
        (folder / "cart.urdf").write_text(URDF)
        options = api.AssetOptions()
        options.fix_base_link = True
        self.cart_asset = self.gym.load_asset(self.sim, str(folder), "cart.urdf", options)
        self.box = self.gym.create_box(self.sim, 0.1, 0.1, 0.1, api.AssetOptions())
        self.env = self.gym.create_env(self.sim, api.Vec3(-1, -1, 0), api.Vec3(1, 1, 1), 1)
        self.cart = self.gym.create_actor(self.env, self.cart_asset, api.Transform(), "cart", 0, 0)
        self.boxes = [self.gym.create_actor(self.env, self.box, api.Transform(), "box", 0, 0) for _ in range(2)]
        properties = self.gym.get_actor_dof_properties(self.env, self.cart)
        properties["driveMode"].fill(api.DOF_MODE_POS)
        self.gym.set_actor_dof_properties(self.env, self.cart, properties)

    def ready(self, gymtorch):
        gym, sim = self.gym, self.sim
        gym.prepare_sim(sim)
        self.root = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim))
        self.dof = gymtorch.wrap_tensor(gym.acquire_dof_state_tensor(sim))
        self.contact = gymtorch.wrap_tensor(gym.acquire_net_contact_force_tensor(sim))
        gym.refresh_actor_root_state_tensor(sim)
        gym.refresh_dof_state_tensor(sim)
        return self


@pytest.fixture
def world(api, params, tmp_path):
    return World(api, params, tmp_path)


@pytest.fixture
def broken(rule_broken):
    return lambda words: pytest.raises(rule_broken, match=re.escape(words))


def indices(*rows, dtype=torch.int32):
    return torch.tensor(rows, dtype=dtype)


def test_the_sound_world_runs(world, gymtorch):
    world.ready(gymtorch)
    gym, sim, rows = world.gym, world.sim, indices(1, 2)
    world.root[1:, 2] = 0.5
    gym.set_actor_root_state_tensor_indexed(sim, gymtorch.unwrap_tensor(world.root), gymtorch.unwrap_tensor(rows), 2)
    targets = torch.full((1,), 0.25)
    gym.set_dof_position_target_tensor(sim, gymtorch.unwrap_tensor(targets))
    gym.simulate(sim)
    gym.refresh_actor_root_state_tensor(sim)
    gym.refresh_dof_state_tensor(sim)
    assert world.root[:, 2].tolist() == [0.0, 0.5, 0.5]
    assert world.dof[0].tolist() == [0.25, 25.0]


def test_building(api, params, tmp_path, broken, fake):
    gym = api.acquire_gym()
    with broken("told SIM_PHYSX"):
        gym.create_sim(0, -1, params=params)
    with broken("the documents disagree about the defaults of ['dt'"):
        gym.create_sim(0, -1, api.SIM_PHYSX, api.SimParams())
    with broken("no field 'contact_ofset'"):
        params.physx.contact_ofset = 0.1
    params.up_axis = api.UP_AXIS_Y
    with broken("gravity is not along -z"):
        gym.create_sim(0, -1, api.SIM_PHYSX, params)
    params.up_axis, params.physx.use_gpu = api.UP_AXIS_Z, False
    with broken("the GPU pipeline needs GPU PhysX"):
        gym.create_sim(0, -1, api.SIM_PHYSX, params)
    params.physx.use_gpu = True
    world = World(api, params, tmp_path)
    with broken("create_sim a second time"):
        gym.create_sim(0, -1, api.SIM_PHYSX, params)
    plane = api.PlaneParams()
    plane.distance = plane.static_friction = plane.dynamic_friction = plane.restitution = 0.0
    with broken("made for y up"):
        gym.add_ground(world.sim, plane)
    shapes = gym.get_asset_rigid_shape_properties(world.box)
    with broken("an asset that actors were already made of"):
        gym.set_asset_rigid_shape_properties(world.box, shapes)
    other = gym.create_box(world.sim, 1, 1, 1, api.AssetOptions())
    shapes[0].rolling_friction = 0.1
    with broken("PhysX ignores a shape's rolling_friction"):
        gym.set_asset_rigid_shape_properties(other, shapes)
    with broken("for all shapes at once"):
        gym.set_asset_rigid_shape_properties(other, [])
    turned = api.Transform()
    turned.r = api.Quat(1.0, 0.0, 0.0, 1.0)
    with broken("no unit quaternion"):
        gym.create_actor(world.env, world.box, turned)
    with broken("indexed by DOMAIN_SIM"):
        gym.get_actor_index(world.env, 0, api.DOMAIN_ENV)
    gym.create_env(world.sim, api.Vec3(-1, -1, 0), api.Vec3(1, 1, 1), 1)
    with broken("after the next one was begun"):
        gym.create_actor(world.env, world.box, api.Transform())
    with broken("without actors in every environment"):
        gym.prepare_sim(world.sim)


def test_more_than_256_bodies_in_one_asset(fake, broken):
    assets = importlib.import_module("isaacgym.assets")
    bodies = [assets.Body(str(i), 1.0, np.eye(3)) for i in range(257)]
    with broken("prepare_sim fails beyond 256"):
        assets.Asset(bodies, [], None)


def test_more_than_64k_materials(api, world, broken):
    building = importlib.import_module("isaacgym.building")
    building.MOST_MATERIALS = 2
    asset = world.gym.create_box(world.sim, 1, 1, 1, api.AssetOptions())
    for friction in (0.1, 0.2):
        shapes = world.gym.get_asset_rigid_shape_properties(asset)
        shapes[0].friction = friction
        world.gym.set_asset_rigid_shape_properties(asset, shapes)
    another = world.gym.create_box(world.sim, 1, 1, 1, api.AssetOptions())
    shapes[0].friction = 0.3
    with broken("more than 64k materials"):
        world.gym.set_asset_rigid_shape_properties(another, shapes)


def test_order(world, gymtorch, broken):
    gym, sim = world.gym, world.sim
    with broken("acquired before prepare_sim"):
        gym.acquire_actor_root_state_tensor(sim)
    with broken("simulate before prepare_sim"):
        gym.simulate(sim)
    world.ready(gymtorch)
    with broken("create_actor after prepare_sim"):
        gym.create_actor(world.env, world.box, world.api.Transform())
    with broken("belongs before prepare_sim"):
        gym.get_actor_rigid_body_properties(world.env, world.cart)
    with broken("refresh_root a second time"):
        gym.refresh_actor_root_state_tensor(sim)
    gym.simulate(sim)
    targets = torch.zeros(1)
    gym.set_dof_position_target_tensor(sim, gymtorch.unwrap_tensor(targets))
    with broken("shows stale values"):
        gym.refresh_dof_state_tensor(sim)
    with broken("only one call takes effect"):
        gym.set_dof_position_target_tensor(sim, gymtorch.unwrap_tensor(targets))
    gym.destroy_sim(sim)
    with broken("after destroy_sim"):
        gym.simulate(sim)


def test_results_must_be_fetched_on_a_cpu(api, params, tmp_path, gymtorch, broken):
    params.use_gpu_pipeline = params.physx.use_gpu = False
    world = World(api, params, tmp_path).ready(gymtorch)
    world.gym.simulate(world.sim)
    with broken("before fetch_results"):
        world.gym.refresh_actor_root_state_tensor(world.sim)


def test_tensors(world, gymtorch, broken):
    world.ready(gymtorch)
    gym, sim, unwrap = world.gym, world.sim, gymtorch.unwrap_tensor

    def teleport(rows, count=None, state=world.root):
        sim.since_step = []
        count = len(rows) if count is None else count
        gym.set_actor_root_state_tensor_indexed(sim, unwrap(state), unwrap(rows), count)

    with broken("uint32 is expected, not uint64"):
        teleport(indices(1, 2, dtype=torch.int64))
    with broken("needs a contiguous tensor"):
        teleport(indices(1, 2, 1, 2)[::2])
    with broken("the full tensor (1,) is expected, not (2,)"):
        teleport(indices(1, 2), count=1)
    with broken("the full tensor (3, 13) is expected"):
        teleport(indices(1), state=world.root[1:].clone())
    with broken("an index is no actor's"):
        teleport(indices(1, 3))
    with broken("names an actor twice"):
        teleport(indices(1, 1))
    with broken("an actor that is fixed"):
        teleport(indices(0, 1))
    with broken("not of unit length"):
        teleport(indices(1), state=torch.zeros(3, 13))
    sim.since_step = []
    temporary = unwrap(torch.tensor([1], dtype=torch.int64).to(torch.int32))
    with broken("let go before the call"):
        gym.set_actor_root_state_tensor_indexed(sim, unwrap(world.root), temporary, 1)
    sim.since_step = []
    rows = indices(1)
    with broken("has no joints; this call takes indices of actors"):
        gym.set_dof_state_tensor_indexed(sim, unwrap(world.dof), unwrap(rows), 1)
    teleport(indices(1))
    with broken("let go before the step"):
        gym.simulate(sim)


def test_contact_forces_are_read_only(world, gymtorch, broken):
    world.ready(gymtorch)
    world.contact[0] = 1.0
    with broken("the contact tensor is read-only"):
        world.gym.simulate(world.sim)


def test_contact_forces_need_contacts(api, params, tmp_path, gymtorch, broken):
    params.physx.contact_collection = api.CC_NEVER
    with broken("zero with CC_NEVER"):
        World(api, params, tmp_path).ready(gymtorch)


def test_a_drive_without_its_mode_does_nothing(world, gymtorch, broken):
    properties = world.gym.get_actor_dof_properties(world.env, world.cart)
    properties["driveMode"].fill(world.api.DOF_MODE_NONE)
    world.gym.set_actor_dof_properties(world.env, world.cart, properties)
    world.ready(gymtorch)
    targets = torch.zeros(1)
    with broken("without DOF_MODE_POS"):
        world.gym.set_dof_position_target_tensor(world.sim, gymtorch.unwrap_tensor(targets))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            '<link name="cart"><inertial><mass value="1"/>',
            '<link name="cart"><inertial><mass value="0"/>',
            "has no mass",
        ),
        ('<limit lower="-1" upper="1" effort="1" velocity="1"/>', "", "needs limits"),
        ('<parent link="root"/>', '<parent link="cart"/>', "not joined to the base"),
    ],
)
def test_files(world, tmp_path, broken, old, new, words):
    assert old in URDF
    (tmp_path / "bad.urdf").write_text(URDF.replace(old, new))
    with broken(words):
        world.gym.load_asset(world.sim, str(tmp_path), "bad.urdf", world.api.AssetOptions())
