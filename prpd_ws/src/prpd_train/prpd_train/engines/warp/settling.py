"""How a new scene comes to rest.

The bed settles alone, so that its surface is known; then the rock is put in its place, the grains that were there are
laid on top; it is held while the soil finds rest around it, and let go.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Sequence

import numpy as np
import warp as wp

from prpd_train.engines.bury import MOST_SETTLING, floor_of, make_room, rock_place
from prpd_train.engines.settle import BUCKET_AWAY, Settled
from prpd_train.engines.warp.contacts import take_contacts, with_fourth, write
from prpd_train.scene.generator import place_grains
from prpd_train.scene.spec import SceneSpec

if TYPE_CHECKING:
    from prpd_train.engines.warp.simulator import WarpSimulator

TAPPING = 0.5
"""Factor on friction while a bed is filled."""
CLEARANCE = 0.1
"""Diameters, from a grain's centre to the rock, below which it makes room; the others are pushed aside, so that they
bear the rock, which would fall into a gap.
"""


def settle(sim: WarpSimulator, scenes: Sequence[tuple[int, SceneSpec]]) -> dict[int, Settled]:
    """Let scenes come to rest in environments of `sim`."""
    if not scenes:
        return {}
    w, data = sim.world, sim.data
    away = np.tile(np.array(BUCKET_AWAY, np.float32), (sim.num_envs, 1))
    envs = wp.array(np.array([e for e, _ in scenes], np.int32), device=data.x.device)
    for env, spec in scenes:
        rock_away, turn = np.array([0.0, 0.0, 8.0]), np.array(spec.rock.quaternion)
        grains = place_grains(spec, spec.grains.spheres)
        sim.load(env, spec, Settled(grains, None, rock_away, turn, spec.bed.floor), away[env], asleep=False)
        write(w.rock_held, env, 1)
        # Soil is filled in loosely and tapped; low friction lets grains find places as tapping does.
        _set_friction(sim, env, spec, TAPPING)
    sim.advance(envs, away, 0.4, may_sleep=False)
    floors = {}
    for env, spec in scenes:
        grains = sim.grains(env).copy()
        floors[env] = floor_of(spec, grains)
        grains[:, 2] += floors[env] - spec.bed.floor
        rock = rock_place(spec, floors[env])
        grains = make_room(spec, grains, rock, sim.params.diameter, CLEARANCE * sim.params.diameter)
        write(w.floor, env, floors[env])
        write(data.x, env, with_fourth(grains), sim.params.max_grains)
        write(data.stale, env, 1)
        write(data.rock_x, env, [rock])
    sim.advance(envs, away, 0.4, may_sleep=False)
    for env, spec in scenes:
        _set_friction(sim, env, spec, 1.0)
    sim.advance(envs, away, 0.4, may_sleep=False)
    held = {env: _snapshot(sim, env, floors[env]) for env, _ in scenes}
    for env, _ in scenes:
        write(w.rock_held, env, 0)
    sim.advance(envs, away, 0.4, may_sleep=False)
    settled = {env: _snapshot(sim, env, floors[env]) for env, _ in scenes}
    _put_back(sim, {env: held[env] for env in held if _moved(held[env], settled[env]) > MOST_SETTLING}, settled, away)
    for env, spec in scenes:
        if not np.isfinite(settled[env].grains).all():
            raise RuntimeError(f"scene {spec.digest()} did not settle: its state became infinite")
        contacts = take_contacts(sim.params, data, env, spec.grains.spheres)
        settled[env] = replace(settled[env], contacts=contacts)
    return settled


def _put_back(sim: WarpSimulator, held: dict[int, Settled], settled: dict[int, Settled], away: np.ndarray) -> None:
    """Among grains as large as itself a rock may find no rest in its place; then it lies there, asleep.

    The forces with which the soil squeezed it are forgotten, and those found that would bear its weight.
    """
    for env, scene in held.items():
        sim.load(env, sim.specs[env], scene, away[env], asleep=False)
    if held:
        envs = wp.array(np.array(list(held), np.int32), device=sim.data.x.device)
        sim.advance(envs, away, 0.25, may_sleep=False, moving=False)
    settled.update(held)


def _set_friction(sim: WarpSimulator, env: int, spec: SceneSpec, factor: float) -> None:
    w, materials = sim.world, spec.materials
    write(w.mu_soil, env, factor * materials.soil)
    write(w.mu_ground, env, factor * materials.ground)
    write(w.mu_soil_rock, env, factor * materials.soil_rock)


def _snapshot(sim: WarpSimulator, env: int, floor: float) -> Settled:
    """Where everything is, without the forces."""
    return replace(sim.snapshot(env), floor=floor, contacts=())


def _moved(held: Settled, free: Settled) -> float:
    return float(np.linalg.norm(free.rock_position - held.rock_position))
