"""What the excavation task *is*: geometry, frames, units, observation, action, reward, success, contract.

The one place that training, deployment and twin agree on. It knows no ROS, no simulator and no learning library, and
its functions take NumPy arrays and torch tensors alike (see `prpd_task.arrays`).

Conventions, everywhere in the project: SI units, radians, quaternions as (x, y, z, w). Frames:

* `soil`: origin in the middle of the box at the nominal height of the soil's surface, z up, y the digging direction.
* `bucket`: origin in the middle of the bowl's floor, x lateral, y forward to the tips, z up when the bucket is level.
* `base_link`: the arm's base as REP-103 has it; `base`: the same turned by pi about z, which a UR controller uses.
"""
