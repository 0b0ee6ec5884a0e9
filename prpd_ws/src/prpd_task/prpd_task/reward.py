"""What learning is paid for: excavating, and progress towards it that cannot be farmed.

Progress is paid as the difference of a potential that depends on the state alone. Whatever happens in between, the sum
is the potential at the end less that at the beginning: holding the rock pays nothing, dipping it in and out of the soil
sums to nothing, and no path earns more than the largest potential once. From any state, excavating earns the
bonus on top.

The difference is not discounted. `discount * after - before` (Ng, Harada and Russell, 1999) would leave the best policy
exactly as it is, but it also pays every policy that never excavates the same, wherever it wanders; once the value
network has understood this, nothing draws the bucket to the rock before the first success. Undiscounted, a policy
that comes nearer earns more, and the most that can be had without excavating stays bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

from prpd_task.arrays import Array, namespace
from prpd_task.frames import soil_to_bucket
from prpd_task.spec import TaskSpec
from prpd_task.success import in_bucket


@dataclass(frozen=True)
class RewardSpec:
    """Weights of the reward; all in units of reward."""

    success: float = 5.0
    """Once, when the rock has been held long enough."""
    lost: float = 1.0
    """Cost, once, when the rock is out of reach, or the arm has stopped because of the force on it."""
    reach: float = 2.0
    """Potential of the rock in the bowl against far away."""
    curl: float = 1.0
    """Potential of carrying the rock with raised tips against tips that point down, over which it slides out."""
    lift: float = 2.0
    """Potential of the rock carried clear of the soil against resting in the bowl below it."""
    hold: float = 1.0
    """Potential of a hold that is about to succeed."""
    effort: float = 0.002
    """Cost of a step at full action; keeps commands quiet."""
    force: float = 0.2
    """Cost of a step at the force that stops the arm; it grows from nothing at half of that force."""
    aside: float = 2.0
    """Weight of a distance across the bucket against one along it."""
    up: float = 3.0
    """Weight of a distance along the bucket's height, likewise."""
    reach_length: float = 0.3
    """m, over which the potential of reaching falls to 1/e."""
    lift_depth: float = 0.07
    """m below the surface, where lifting begins to count."""
    curl_pitch: float = 0.3
    """rad, pitch of the bucket from which on the rock is safe."""
    seat: float = 0.03
    """m above the bowl's floor, where a rock's centre rests."""


def way_into_bowl(spec: TaskSpec, reward: RewardSpec, bucket_pose: Array, rock_position: Array) -> Array:
    """m, the rock's shortest way (...) to its seat in the bowl, seen from the bucket: it does not go through the floor.

    Aside and up or down count more than along, so that a bucket lines up behind a rock before it drives into it.
    """
    rock = soil_to_bucket(bucket_pose, rock_position)
    xp = namespace(rock)
    x, y, z = rock[..., 0] * reward.aside, rock[..., 1], rock[..., 2]
    edge = spec.bucket.length / 2
    height = reward.up * reward.seat
    straight = xp.sqrt(x * x + y * y + (reward.up * z - height) ** 2)
    round_the_edge = xp.sqrt(x * x + (y - edge) ** 2 + (reward.up * z) ** 2) + (edge * edge + height**2) ** 0.5
    below = z < 0
    crossing = y * reward.seat / xp.where(below, reward.seat - z, 0 * z + reward.seat)
    return xp.where(below & (crossing < edge), round_the_edge, straight)


def potential(
    spec: TaskSpec,
    reward: RewardSpec,
    *,
    bucket_pose: Array,
    rock_position: Array,
    rock_bottom: Array,
    surface_height: Array,
    hold_count: Array,
) -> Array:
    """How far the work has come (...), from 0 to `reach + curl + lift + hold`; a function of the state alone."""
    xp = namespace(rock_position)
    reach = xp.exp(-way_into_bowl(spec, reward, bucket_pose, rock_position) / reward.reach_length)
    height = rock_bottom - surface_height
    lift = xp.clip((height + reward.lift_depth) / (reward.lift_depth + spec.success.clearance), 0.0, 1.0)
    lowest = spec.workspace_low[3]
    curl = xp.clip((bucket_pose[..., 3] - lowest) / (reward.curl_pitch - lowest), 0.0, 1.0)
    carried = in_bucket(spec, bucket_pose, rock_position)
    hold = xp.clip(hold_count / spec.hold_steps, 0.0, 1.0)
    return reward.reach * reach + (reward.curl * curl + reward.lift * lift + reward.hold * hold) * carried


def step_reward(
    reward: RewardSpec,
    *,
    before: Array,
    after: Array,
    success: Array,
    lost: Array,
    action: Array,
    force: Array,
) -> Array:
    """Reward (...) of one step between two potentials; `success` and `lost` end the episode.

    `force` is that on the bucket, in units of the force that stops the arm. The lost rock takes the potential with it,
    so that losing it never pays.
    """
    xp = namespace(before)
    shaping = xp.where(lost, 0 * after, after) - before
    effort = reward.effort * (action * action).sum(-1) / action.shape[-1]
    strain = reward.force * xp.clip(2 * force - 1, 0.0, 1.0)
    return shaping + reward.success * success - reward.lost * lost - effort - strain
