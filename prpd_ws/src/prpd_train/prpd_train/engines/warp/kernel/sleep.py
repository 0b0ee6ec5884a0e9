"""Who is awake. What is at rest keeps its place and its contact impulses, bears others, and costs almost nothing.

A grain falls asleep when it has been slow for a while. Asleep it is an immovable partner of those awake, whose impulses
on it are added up all the same: once they differ from those at which it fell asleep, because something pushes or no
longer bears, it wakes. So a disturbance wakes what it reaches, grain by grain, and what is out of its reach sleeps on.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.lanes import wait
from prpd_train.engines.warp.kernel.motion import get_motion, put_motion
from prpd_train.engines.warp.kernel.packed import and4, get4, xyz
from prpd_train.engines.warp.kernel.shapes import in_bucket_box
from prpd_train.engines.warp.kernel.types import ROW, Bucket, Params, State

CALM = wp.constant(0.01)
"""m/s, speed below which a grain is slow."""
WAKING = wp.constant(0.25)
"""Share of what a sleeping grain bears, of its weight and of the forces on it, whose change wakes it."""
COLUMN = wp.constant(0.1)
"""m, height of a column of soil on a grain whose weight is the most by which the load may change: squeezed soil bears
much, and yields no later for that."""
LOWEST = wp.constant(-1.0e3)
"""m, below everything."""


@wp.func
def is_awake(prm: Params, motion: wp.vec4):
    """Whether a grain has not been slow for long."""
    return motion[3] < prm.sleep_time


@wp.func
def mark_active(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """Mark the rows with a pair of which at least one grain is awake; the others have no contacts."""
    g0 = env * prm.max_grains
    for i in range(lane, n, lanes):
        g = g0 + i
        active = is_awake(prm, get_motion(st, g0, g))
        if not active:
            for k in range(g * ROW, g * ROW + st.row_count[g]):
                if is_awake(prm, get_motion(st, g0, g0 + st.pair_j[k])):
                    active = True
        st.row_active[g] = wp.where(active, 1, 0)
    wait()


@wp.func
def wake_around(prm: Params, st: State, env: int, n: int, margin: float, bucket: Bucket, lane: int, lanes: int):
    """Wake the grains in and beside the box around a bucket that moves."""
    g0 = env * prm.max_grains
    for i in range(lane, n, lanes):
        g = g0 + i
        if not is_awake(prm, get_motion(st, g0, g)) and in_bucket_box(prm, xyz(get4(st.x, g)), margin, bucket):
            put_motion(st, g0, g, wp.vec4(0.0, 0.0, 0.0, 0.0))
            st.changed[env] = 1
    wait()


@wp.func
def go_to_sleep(
    prm: Params, st: State, env: int, n: int, inv_mass: float, h: float, may_sleep: int, lane: int, lanes: int
):
    """Put to sleep who has been slow for long, wake whose load has changed; returns how many are awake."""
    g0 = env * prm.max_grains
    most = 9.81 * h * COLUMN / prm.diameter
    awake = int(0)
    top = float(LOWEST)
    if lane == 0:
        st.awake_count[env] = 0
        st.soil_top[env] = LOWEST
    wait()
    for i in range(lane, n, lanes):
        g = g0 + i
        motion = get_motion(st, g0, g)
        speed2 = wp.length_sq(xyz(motion))
        quiet = motion[3]
        top = wp.max(top, get4(st.x, g)[2])
        if quiet >= prm.sleep_time:
            change = wp.min(WAKING * (9.81 * h + inv_mass * st.press[g]), most)
            if speed2 > change * change:
                put_motion(st, g0, g, wp.vec4(0.0, 0.0, 0.0, 0.0))
                st.changed[env] = 1
                awake += 1
        else:
            quiet = wp.where(speed2 < CALM * CALM and may_sleep == 1, quiet + h, 0.0)
            if quiet >= prm.sleep_time:
                put_motion(st, g0, g, wp.vec4(0.0, 0.0, 0.0, quiet))
                st.changed[env] = 1
            else:
                put_motion(st, g0, g, and4(xyz(motion), quiet))
                awake += 1
    wp.atomic_add(st.awake_count, env, awake)
    wp.atomic_max(st.soil_top, env, top + 0.5 * prm.diameter)
    wait()
    return st.awake_count[env]
