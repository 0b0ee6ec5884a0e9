"""What goes into the simulation before each `simulate`, gathered so that each setter is called at most once per step.

Isaac Gym's GPU pipeline drops all but one call of a setter between two steps. It also keeps only the address of a
tensor, so everything that is handed over stays referenced here until the step after.
"""

from __future__ import annotations

from typing import List, Optional

import torch
from isaacgym import gymapi, gymtorch
from torch import Tensor


class Pushes:
    """Collects teleported actors, teleported joints, joint targets and forces; `push` hands them over."""

    def __init__(
        self, gym: gymapi.Gym, sim: gymapi.Sim, root: Tensor, joints: Tensor, forces: Optional[Tensor]
    ) -> None:
        """`root` and `joints` are the simulation's own state tensors; `forces` (bodies, 3) N act in every step."""
        self._gym, self._sim = gym, sim
        self._root, self._joints, self._forces = root, joints, forces
        self._targets = joints[:, 0].clone()
        self._actors = torch.zeros(len(root), dtype=torch.bool, device=root.device)
        self._jointed = torch.zeros(len(root), dtype=torch.bool, device=root.device)
        self._actors_moved = self._joints_moved = False
        self._in_use: List[Tensor] = []

    def move_actors(self, actors: Tensor) -> None:
        """The states of these actors have been written into the root tensor."""
        self._actors[actors] = True
        self._actors_moved = True

    def move_joints(self, actors: Tensor) -> None:
        """The joint states of these actors (not joints: that is what Isaac Gym asks for) have been written."""
        self._jointed[actors] = True
        self._joints_moved = True

    def aim(self, joints: Tensor, positions: Tensor) -> None:
        """Set the drives' targets, m or rad."""
        self._targets[joints] = positions

    def push(self) -> None:
        """Hand everything over. Call it once before each `simulate`."""
        gym, sim = self._gym, self._sim
        in_use = [self._targets]
        if self._actors_moved:
            rows = _rows(self._actors)
            in_use.append(rows)
            root = gymtorch.unwrap_tensor(self._root)
            done = gym.set_actor_root_state_tensor_indexed(sim, root, gymtorch.unwrap_tensor(rows), len(rows))
            _check(done, "set_actor_root_state_tensor_indexed")
            self._actors.zero_()
        if self._joints_moved:
            rows = _rows(self._jointed)
            in_use.append(rows)
            joints = gymtorch.unwrap_tensor(self._joints)
            done = gym.set_dof_state_tensor_indexed(sim, joints, gymtorch.unwrap_tensor(rows), len(rows))
            _check(done, "set_dof_state_tensor_indexed")
            self._jointed.zero_()
        self._actors_moved = self._joints_moved = False
        _check(
            gym.set_dof_position_target_tensor(sim, gymtorch.unwrap_tensor(self._targets)),
            "set_dof_position_target_tensor",
        )
        if self._forces is not None:
            forces = gymtorch.unwrap_tensor(self._forces)
            _check(
                gym.apply_rigid_body_force_tensors(sim, forceTensor=forces, space=gymapi.ENV_SPACE),
                "apply_rigid_body_force_tensors",
            )
        self._in_use = in_use


def _rows(mask: Tensor) -> Tensor:
    """Indices of what is set: contiguous and of 32 bits, as Isaac Gym takes wider ones for something else."""
    return mask.nonzero().flatten().to(torch.int32).contiguous()


def _check(done: bool, setter: str) -> None:
    if not done:
        raise RuntimeError(f"Isaac Gym refused {setter}; its own messages say why")
