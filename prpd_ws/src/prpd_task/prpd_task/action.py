"""From a policy's output to a bucket target."""

from __future__ import annotations

from prpd_task.arrays import Array, namespace
from prpd_task.spec import TaskSpec

ACTION_NAMES = ("x", "y", "z", "pitch")


def next_target(spec: TaskSpec, target: Array, action: Array) -> Array:
    """The next bucket target (..., 4), from the last one and an action in [-1, 1].

    Increments start from the last *target*, not from the measured pose, so that an arm that lags does not drift; the
    target stays in the workspace.
    """
    xp = namespace(target)
    scale, low, high = (_like(target, v) for v in (spec.action_scale, spec.workspace_low, spec.workspace_high))
    return xp.clip(target + scale * xp.clip(action, -1.0, 1.0), low, high)


def _like(array: Array, values: tuple) -> Array:
    xp = namespace(array)
    if xp.__name__ == "torch":
        return xp.tensor(values, dtype=array.dtype, device=array.device)
    return xp.asarray(values, dtype=array.dtype)
