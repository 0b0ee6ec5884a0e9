"""How a settled scene is written into an environment."""

from __future__ import annotations

import numpy as np

from prpd_task.frames import quaternion_rotate
from prpd_train.engines.settle import Settled
from prpd_train.engines.warp.contacts import put_contacts, with_fourth, write
from prpd_train.engines.warp.kernel.types import Params, State, World
from prpd_train.engines.warp.rock_tables import contact_spheres
from prpd_train.scene.spec import SceneSpec

PASSIVE = 5.0
"""Pressure that sand bears before it flows aside, over that of its own weight (42 degrees of friction). A grain stands
for a lump of soil, and bears what soil at the bottom of the bed would; without this, large grains jam like boulders.
"""


def write_scene(
    prm: Params,
    w: World,
    st: State,
    env: int,
    spec: SceneSpec,
    scene: Settled,
    pose: np.ndarray,
    *,
    table: tuple[int, float],
    asleep: bool,
) -> None:
    """Everything at rest, the bucket at `pose`, the rock felt by its distance `table` (where, and half its edge)."""
    rock = spec.rock
    centres, radius = contact_spheres(rock)
    if len(centres) > prm.max_spheres:
        raise ValueError(f"a rock of {len(centres)} contact spheres does not fit: there is room for {prm.max_spheres}")
    materials = spec.materials
    first, half = table
    for array, value in (
        (w.count, len(scene.grains)),
        (w.grain_mass, spec.grains.total_mass / spec.grains.spheres),
        (w.half, [np.array(spec.bed.footprint) / 2]),
        (w.floor, scene.floor),
        (w.rim, spec.bed.surface_height + spec.bed.rim),
        (w.strength, PASSIVE * spec.bed.depth),
        (w.mu_soil, materials.soil),
        (w.mu_soil_rock, materials.soil_rock),
        (w.mu_soil_bucket, materials.soil_bucket),
        (w.mu_rock_bucket, materials.rock_bucket),
        (w.mu_ground, materials.ground),
        (w.rock_mass, rock.mass),
        (w.rock_inertia, [rock.inertia()]),
        (w.rock_force, [spec.sample.rock_force]),
        (w.rock_radius, rock.radius()),
        (w.rock_held, 0),
        (w.sphere_count, len(centres)),
        (w.sphere_radius, radius),
        (w.sdf_first, first),
        (w.sdf_half, half * rock.voxel_edge),
        (w.sdf_scale, rock.voxel_edge),
        (st.rock_x, [scene.rock_position]),
        (st.rock_q, [scene.rock_quaternion]),
        (st.rock_v, [[0, 0, 0]]),
        (st.rock_w, [[0, 0, 0]]),
        (st.rock_load, [[0, 0, 0]]),
        (st.bucket, [pose]),
        (st.bucket_v, [[0, 0, 0]]),
        (st.bucket_force, [[0, 0, 0]]),
        (st.failed, 0),
        (st.overflow, 0),
        (st.pairs_coloured, 0),
    ):
        write(array, env, value)
    bottom = quaternion_rotate(np.asarray(scene.rock_quaternion), centres)[:, 2].min() - radius
    write(st.rock_bottom, env, scene.rock_position[2] + bottom)
    write(w.sphere_centre, env, centres, prm.max_spheres)
    write(st.x, env, _padded(with_fourth(scene.grains), prm.max_grains), prm.max_grains)
    quiet = prm.sleep_time if asleep else 0.0
    write(st.motion, env, np.tile(np.array([0, 0, 0, quiet], np.float32), (prm.max_grains, 1)), prm.max_grains)
    write(st.rock_quiet, env, quiet)
    write(st.awake_count, env, 0 if asleep else len(scene.grains))
    write(st.soil_top, env, float(scene.grains[:, 2].max()) + 0.5 * prm.diameter)
    # Rows that belong to these places need no other listing; none fit a place that no grain has.
    listed = scene.grains if scene.contacts else np.full((1, 3), np.inf, np.float32)
    write(st.x_listed, env, _padded(listed, prm.max_grains, np.inf), prm.max_grains)
    put_contacts(prm, st, env, scene.contacts)


def _padded(grains: np.ndarray, capacity: int, value: float = 0.0) -> np.ndarray:
    padded = np.full((capacity, grains.shape[1]), value, np.float32)
    padded[: len(grains)] = grains
    return padded
