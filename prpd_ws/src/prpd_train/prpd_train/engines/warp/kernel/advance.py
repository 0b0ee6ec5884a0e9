"""The kernel: it advances environments by a whole control step, each in one thread of a CPU or one block of a GPU.

One launch per control step keeps an environment's grains in the cache. Environments share nothing. The lanes of a block
share the work on grains; the first of them, a crew, take turns with the rock, which all that touch it change.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.colours import colour_pairs
from prpd_train.engines.warp.kernel.detect import detect_colours, detect_rows, detect_touches
from prpd_train.engines.warp.kernel.detect_rock import detect_rock, rock_by_bucket
from prpd_train.engines.warp.kernel.lanes import MOST_LANES, RESIDENT, crew, in_colours, wait
from prpd_train.engines.warp.kernel.motion import bring_motion, get_motion, leave_motion, put_motion
from prpd_train.engines.warp.kernel.neighbours import list_pairs, sort_into_cells
from prpd_train.engines.warp.kernel.packed import and4, get4, put4, xyz
from prpd_train.engines.warp.kernel.sleep import go_to_sleep, is_awake, mark_active, wake_around
from prpd_train.engines.warp.kernel.solve import impulse_of_soil, solve_pairs, solve_touches
from prpd_train.engines.warp.kernel.solve_rock import impulse_of_rock, solve_by_rock, solve_rock
from prpd_train.engines.warp.kernel.types import Bucket, Params, Rock, State, World

# Unrolled, the code would be a quarter longer, and lanes would leave each other. Fast math is for a GPU: without it,
# divisions and roots are exact to the last bit, and a fifth of the code.
wp.set_module_options({"enable_backward": False, "max_unroll": 1, "fast_math": True})

GRAVITY = wp.constant(wp.vec3(0.0, 0.0, -9.81))
ROCK_CALM = wp.constant(0.02)
"""m/s, of the rock's centre and, turning, its surface, below which the rock is slow."""
ROCK_WAKING = wp.constant(0.1)
"""Change of the load on a sleeping rock, in weights of it, that wakes it."""


@wp.func
def fall(prm: Params, st: State, env: int, n: int, h: float, lane: int, lanes: int):
    """Let gravity act on the grains that are awake, now that it is known who is."""
    if lane == 0:
        st.changed[env] = 0
    g0 = env * prm.max_grains
    for i in range(lane, n, lanes):
        g = g0 + i
        motion = get_motion(st, g0, g)
        if is_awake(prm, motion):
            put_motion(st, g0, g, and4(xyz(motion) + h * GRAVITY, motion[3]))
            st.press[g] = 0.0
    wait()


@wp.func
def move_grains(prm: Params, st: State, env: int, n: int, h: float, lane: int, lanes: int):
    """Integrate positions, and note when the pairs are out of date."""
    limit2 = wp.pow(prm.skin / 3.0, 2.0)
    g0 = env * prm.max_grains
    for i in range(lane, n, lanes):
        g = g0 + i
        motion = get_motion(st, g0, g)
        if is_awake(prm, motion):
            x = xyz(get4(st.x, g)) + h * xyz(motion)
            put4(st.x, g, and4(x, 0.0))
            d = x - st.x_listed[g]
            if wp.dot(d, d) > limit2:
                st.stale[env] = 1
    wait()


@wp.func
def stop(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """Take their velocity from the grains that are awake."""
    g0 = env * prm.max_grains
    for i in range(lane, n, lanes):
        g = g0 + i
        motion = get_motion(st, g0, g)
        if is_awake(prm, motion):
            put_motion(st, g0, g, wp.vec4(0.0, 0.0, 0.0, motion[3]))
    wait()


@wp.func
def share_rock(st: State, env: int, rock: Rock, lane: int):
    """Tell all lanes of the rock what the first one knows; returns it."""
    if lane == 0:
        st.rock_x[env] = rock.x
        st.rock_q[env] = rock.q
        st.rock_v[env] = rock.v
        st.rock_w[env] = rock.w
        st.rock_load[env] = rock.load
    wait()
    rock.x = st.rock_x[env]
    rock.q = st.rock_q[env]
    rock.v = st.rock_v[env]
    rock.w = st.rock_w[env]
    rock.load = st.rock_load[env]
    return rock


@wp.func
def bucket_at(start: wp.vec4, v: wp.vec4, time: float):
    """The bucket `time` s after it left a pose."""
    bucket = Bucket()
    bucket.v = v
    bucket.pose = start + time * v
    bucket.origin = wp.vec3(bucket.pose[0], bucket.pose[1], bucket.pose[2])
    bucket.cos = wp.cos(bucket.pose[3])
    bucket.sin = wp.sin(bucket.pose[3])
    return bucket


@wp.func
def bucket_by_soil(prm: Params, st: State, w: World, env: int, bucket: Bucket):
    """Whether the ball around the bucket reaches down to soil that it may touch."""
    reach = wp.max(wp.length(prm.bucket_low), wp.length(prm.bucket_high)) + prm.diameter
    x = bucket.origin
    low = x[2] - reach < st.soil_top[env]
    inside = wp.abs(x[0]) < w.half[env][0] + reach and wp.abs(x[1]) < w.half[env][1] + reach
    return prm.soil_bucket == 1 and low and inside


@wp.func
def is_bad(v: wp.vec3, limit: float):
    """Whether a component is beyond the limit, or not a number."""
    return not (wp.abs(v[0]) < limit and wp.abs(v[1]) < limit and wp.abs(v[2]) < limit)


@wp.kernel(launch_bounds=(MOST_LANES, RESIDENT))
def advance(
    prm: Params,
    w: World,
    st: State,
    envs: wp.array(dtype=int),
    targets: wp.array(dtype=wp.vec4),
    substeps: int,
    h: float,
    may_sleep: int,
    moving: int,
    lanes: int,
):
    """Advance each of `envs` by `substeps` of `h` s while its bucket moves to its target, in `lanes` threads each.

    If not `moving`, everything stays where it is, and its contacts find the forces that would keep it there.

    What decides on the way is the same in all lanes: it is read between two waits, and written by others outside them.
    """
    lane = wp.tid() % lanes
    env = envs[wp.tid() // lanes]
    n = w.count[env]
    inv_mass = 1.0 / w.grain_mass[env]
    start = st.bucket[env]
    bucket_v = (targets[env] - start) / (h * float(substeps))
    bucket_moves = wp.length_sq(bucket_v) > 0.0
    impulse = wp.vec3(0.0, 0.0, 0.0)
    still = wp.vec3(0.0, 0.0, 0.0)
    rock = Rock()
    rock.x = st.rock_x[env]
    rock.q = st.rock_q[env]
    rock.v = st.rock_v[env]
    rock.w = st.rock_w[env]
    rock.load = st.rock_load[env]
    body_inverse = wp.inverse(w.rock_inertia[env])
    held = w.rock_held[env] == 1
    rock_quiet = st.rock_quiet[env]
    awake = st.awake_count[env]
    g0 = env * prm.max_grains
    bring_motion(prm, st, env, n, lane, lanes)
    for step in range(substeps):
        bucket = bucket_at(start, bucket_v, float(step) * h)
        on_bucket = int(0)
        if rock_quiet < prm.sleep_time or (bucket_moves and rock_by_bucket(prm, w, env, rock.x, bucket)):
            on_bucket = detect_rock(prm, w, st, env, rock, bucket, lane, lanes)
        if rock_quiet >= prm.sleep_time and (
            (bucket_moves and on_bucket > 0) or wp.length(rock.load) > ROCK_WAKING * 9.81 * h
        ):
            rock_quiet = 0.0
            rock.load = still
        rock.awake = wp.where(rock_quiet < prm.sleep_time, 1, 0)
        in_soil = rock.x[2] - w.rock_radius[env] - prm.diameter < st.soil_top[env]
        if bucket_moves and bucket_by_soil(prm, st, w, env, bucket):
            wake_around(prm, st, env, n, prm.diameter, bucket, lane, lanes)
        changed = st.changed[env] == 1
        stale = st.stale[env] == 1
        uncoloured = in_colours(prm.coloured) and st.pairs_coloured[env] == 0
        soil_awake = awake > 0 or changed or (rock.awake == 1 and in_soil)
        wait()
        if soil_awake or rock.awake == 1:
            rock.inv_mass = 0.0
            rock.inv_inertia = wp.mat33(0.0)
            if rock.awake == 1 and not held:
                rock.inv_mass = 1.0 / w.rock_mass[env]
                turn = wp.quat_to_matrix(rock.q)
                rock.inv_inertia = turn * body_inverse * wp.transpose(turn)
                rock.v = rock.v + h * (GRAVITY + rock.inv_mass * w.rock_force[env])
            if soil_awake:
                if stale:
                    list_pairs(prm, st, env, n, lane, lanes)
                elif uncoloured:
                    sort_into_cells(prm, st, env, n, lane, lanes)
                if not in_colours(prm.coloured) and (stale or changed):
                    mark_active(prm, st, env, n, lane, lanes)
                if in_colours(prm.coloured) and (stale or uncoloured):
                    colour_pairs(prm, st, env, n, wp.where(uncoloured, 1, 0), lane, lanes)
                fall(prm, st, env, n, h, lane, lanes)
                detect_touches(prm, w, st, env, n, inv_mass, rock, bucket, lane, lanes)
                if in_colours(prm.coloured):
                    detect_colours(prm, st, env, inv_mass, h, lane, lanes)
                else:
                    detect_rows(prm, st, env, n, inv_mass, h)
                solve_touches(prm, w, st, env, n, inv_mass, bucket, h, 0.0, 1, lane, lanes)
                if lane < crew():
                    rock = solve_by_rock(prm, w, st, env, inv_mass, rock, h, 0.0, 1, lane)
                wait()
            if rock.awake == 1 and lane < crew():
                rock = solve_rock(prm, w, st, env, rock, bucket, h, 0.0, 1, lane)
            for sweep in range(prm.iterations):
                rate = wp.where(moving == 1, prm.bias_rate, 0.0)
                if moving == 1 and sweep == prm.iterations - 1:
                    # Positions move with the biased velocity; the last sweep takes the bias out of the velocity.
                    rate = 0.0
                    if soil_awake:
                        move_grains(prm, st, env, n, h, lane, lanes)
                    if rock.awake == 1:
                        spin = wp.quat(rock.w[0], rock.w[1], rock.w[2], 0.0)
                        rock.x = rock.x + h * rock.v
                        rock.q = wp.normalize(rock.q + 0.5 * h * (spin * rock.q))
                if soil_awake:
                    solve_pairs(prm, w, st, env, inv_mass, h, rate, sweep % 2, lane, lanes)
                    solve_touches(prm, w, st, env, n, inv_mass, bucket, h, rate, 0, lane, lanes)
                    if lane < crew():
                        rock = solve_by_rock(prm, w, st, env, inv_mass, rock, h, rate, 0, lane)
                    wait()
                if rock.awake == 1 and lane < crew():
                    rock = solve_rock(prm, w, st, env, rock, bucket, h, rate, 0, lane)
            rock = share_rock(st, env, rock, lane)
            if moving == 0:
                stop(prm, st, env, n, lane, lanes)
                rock.v = still
                rock.w = still
            if lane == 0:
                impulse += impulse_of_rock(prm, st, env)
            if prm.soil_bucket == 1:
                impulse += impulse_of_soil(prm, st, env, n, lane, lanes)
            if soil_awake:
                awake = go_to_sleep(prm, st, env, n, inv_mass, h, may_sleep, lane, lanes)
            if rock.awake == 1:
                rock_calm = wp.length(rock.v) + w.rock_radius[env] * wp.length(rock.w) < ROCK_CALM
                rock_quiet = wp.where(rock_calm and on_bucket == 0 and may_sleep == 1, rock_quiet + h, 0.0)
                rock.load = still
                if rock_quiet >= prm.sleep_time:
                    rock.v = still
                    rock.w = still
        wait()

    if lane == 0:
        bad = is_bad(rock.x, 10.0) or is_bad(rock.v, 100.0)
        st.failed[env] = wp.where(bad, wp.uint8(1), wp.uint8(0))
        st.awake_count[env] = awake
        st.rock_quiet[env] = rock_quiet
        st.bucket[env] = targets[env]
        st.bucket_v[env] = wp.vec3(bucket_v[0], bucket_v[1], bucket_v[2])
        st.bucket_force[env] = impulse / (h * float(substeps))
        bottom = float(1.0e3)
        for s in range(w.sphere_count[env]):
            bottom = wp.min(bottom, wp.quat_rotate(rock.q, w.sphere_centre[env * prm.max_spheres + s])[2])
        st.rock_bottom[env] = rock.x[2] + bottom - w.sphere_radius[env]
    rock = share_rock(st, env, rock, lane)
    leave_motion(prm, st, env, n, lane, lanes)
    for i in range(lane, n, lanes):
        g = g0 + i
        if is_bad(xyz(get4(st.x, g)), 10.0) or is_bad(xyz(get_motion(st, g0, g)), 100.0):
            st.failed[env] = wp.uint8(1)
