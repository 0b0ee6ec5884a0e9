"""Fresh beds come to rest, once, and take in their rocks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Sequence

import numpy as np
import torch
from torch import Tensor

from prpd_train.engines.bury import MOST_SETTLING, floor_of, make_room, rock_place
from prpd_train.engines.isaacgym.world import POSITION, QUATERNION, VELOCITY, World
from prpd_train.scene.spec import SceneSpec

log = logging.getLogger(__name__)
PARKED = 5.0
"""m, height of buckets, and over them of rocks, while beds settle alone."""


@dataclass(frozen=True)
class Settled:
    """Beds at rest."""

    root: Tensor
    """(actors, 13), in the simulation's frame."""
    raised: Tensor
    """(N,) m, by how much the soil frames must be raised to lie where the settled surfaces are."""


def settle(world: World, specs: Sequence[SceneSpec], settle_time: float) -> Settled:
    """Let all beds come to rest, bury the rocks, hold them until the soil rests around them, and let them go.

    The pits cannot be moved once built, so it is the soil frames that go to the surfaces.
    """
    n = len(specs)
    substeps = max(1, round(settle_time / world.substep))
    parked = torch.zeros(n, 4, device=world.device)
    parked[:, 2] = PARKED
    world.put_buckets(torch.arange(n, device=world.device), parked)
    rocks = world.root[world.rocks].clone()
    rocks[:, 2] += PARKED + 2.0
    world.put_actors(world.rocks, rocks)
    world.advance(parked, substeps, hold=world.rocks)

    root, origin = world.root.clone(), world.origin.cpu().numpy()
    raised = np.zeros(n, np.float32)
    for env, spec in enumerate(specs):
        rows = world.grains[env, : spec.grains.count]
        grains = root[rows][:, POSITION].cpu().numpy() - origin[env]
        raised[env] = spec.bed.floor - floor_of(spec, grains)
        place = rock_place(spec, spec.bed.floor - float(raised[env]))
        up = np.array([0.0, 0.0, raised[env]])
        grains = make_room(spec, grains - up, place, spec.grains.edge, 0.5 * spec.grains.edge) + up
        root[rows, POSITION] = world.tensor((grains + origin[env]).astype(np.float32))
        root[world.rocks[env], POSITION] = world.tensor((place + up + origin[env]).astype(np.float32))
        root[world.rocks[env], QUATERNION] = world.tensor(np.array(spec.rock.quaternion, np.float32))
    root[:, VELOCITY.start :] = 0.0
    free = torch.cat([world.rocks, torch.unique(world.grains)])
    world.put_actors(free, root[free])
    world.advance(parked, substeps, hold=world.rocks)
    held = world.root.clone()
    world.advance(parked, max(1, substeps // 2))
    if not bool(torch.isfinite(world.root).all()):
        raise RuntimeError("the beds did not settle: states became infinite; see docs/isaac_gym.md on contact buffers")
    settled = world.root.clone()
    moved = (settled[world.rocks, POSITION] - held[world.rocks, POSITION]).norm(dim=1)
    for env in (moved > MOST_SETTLING).nonzero().flatten().tolist():
        rows = torch.cat([world.rocks[env : env + 1], world.grains[env]])
        settled[rows] = held[rows]
    settled[:, VELOCITY.start :] = 0.0
    log.info("settled %d beds; the largest shift of a soil frame is %.4f m", n, float(np.abs(raised).max()))
    return Settled(settled, world.tensor(raised))
