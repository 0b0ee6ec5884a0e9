"""The kernel: one thread advances one environment by a whole control step.

On a CPU this makes a launch per control step and keeps an environment's grains in the cache; on a GPU many environments
run side by side. The order of all operations inside an environment is fixed, and environments share nothing.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.detect import detect_extras, detect_pairs, detect_rock, rock_by_bucket
from prpd_train.engines.warp.neighbours import list_pairs
from prpd_train.engines.warp.sleep import go_to_sleep, list_awake, wake_around
from prpd_train.engines.warp.solve import impulse_on_bucket, solve_extras, solve_pairs, solve_rock
from prpd_train.engines.warp.types import Bucket, Params, Rock, State, World

wp.set_module_options({"enable_backward": False})

GRAVITY = wp.constant(wp.vec3(0.0, 0.0, -9.81))
ROCK_CALM = wp.constant(0.02)
"""m/s, of the rock's centre and, turning, its surface, below which the rock is slow."""
ROCK_WAKING = wp.constant(0.1)
"""Change of the load on a sleeping rock, in weights of it, that wakes it."""


@wp.func
def fall(prm: Params, st: State, env: int, h: float):
    """Let gravity act on the grains that are awake."""
    g0 = env * prm.max_grains
    for a in range(g0, g0 + st.awake_count[env]):
        i = st.awake[a]
        st.v[i] = st.v[i] + h * GRAVITY
        st.press[i] = 0.0


@wp.func
def move_grains(prm: Params, st: State, env: int, h: float):
    """Integrate positions, and note when the pairs are out of date."""
    g0 = env * prm.max_grains
    limit2 = wp.pow(prm.skin / 3.0, 2.0)
    for a in range(g0, g0 + st.awake_count[env]):
        i = st.awake[a]
        x = st.x[i] + h * st.v[i]
        st.x[i] = x
        d = x - st.x_listed[i]
        if wp.dot(d, d) > limit2:
            st.stale[env] = 1


@wp.func
def stop(prm: Params, st: State, env: int):
    """Take their velocity from the grains that are awake."""
    g0 = env * prm.max_grains
    for a in range(g0, g0 + st.awake_count[env]):
        st.v[st.awake[a]] = wp.vec3(0.0, 0.0, 0.0)


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


@wp.kernel
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
    apart: int,
):
    """Advance each of `envs` by `substeps` of `h` s while its bucket moves to its target.

    If not `moving`, everything stays where it is, and its contacts find the forces that would keep it there. Every
    `apart`-th thread works.
    """
    if wp.tid() % apart != 0:
        return
    env = envs[wp.tid() // apart]
    n = w.count[env]
    g0 = env * prm.max_grains
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
    for step in range(substeps):
        bucket = bucket_at(start, bucket_v, float(step) * h)
        on_bucket = int(0)
        if rock_quiet < prm.sleep_time or (bucket_moves and rock_by_bucket(prm, w, env, rock.x, bucket)):
            on_bucket = detect_rock(prm, w, st, env, rock, bucket)
        if rock_quiet >= prm.sleep_time and (
            (bucket_moves and on_bucket > 0) or wp.length(rock.load) > ROCK_WAKING * 9.81 * h
        ):
            rock_quiet = 0.0
            rock.load = still
        rock.awake = wp.where(rock_quiet < prm.sleep_time, 1, 0)
        in_soil = rock.x[2] - w.rock_radius[env] - prm.diameter < st.soil_top[env]
        if bucket_moves and bucket_by_soil(prm, st, w, env, bucket):
            wake_around(prm, st, env, n, prm.diameter, bucket)
        soil_awake = awake > 0 or st.changed[env] == 1 or (rock.awake == 1 and in_soil)
        if soil_awake or rock.awake == 1:
            rock.inv_mass = 0.0
            rock.inv_inertia = wp.mat33(0.0)
            if rock.awake == 1 and not held:
                rock.inv_mass = 1.0 / w.rock_mass[env]
                turn = wp.quat_to_matrix(rock.q)
                rock.inv_inertia = turn * body_inverse * wp.transpose(turn)
                rock.v = rock.v + h * (GRAVITY + rock.inv_mass * w.rock_force[env])
            if soil_awake:
                if st.stale[env] == 1:
                    list_pairs(prm, st, env, n)
                if st.changed[env] == 1:
                    list_awake(prm, st, env, n)
                fall(prm, st, env, h)
                detect_extras(prm, w, st, env, n, inv_mass, rock, bucket)
                detect_pairs(prm, st, env, inv_mass, h)
                rock = solve_extras(prm, w, st, env, inv_mass, rock, bucket, h, 0.0, 1)
            if rock.awake == 1:
                rock = solve_rock(prm, w, st, env, rock, bucket, h, 0.0, 1)
            for sweep in range(prm.iterations):
                rate = wp.where(moving == 1, prm.bias_rate, 0.0)
                if moving == 1 and sweep == prm.iterations - 1:
                    # Positions move with the biased velocity; the last sweep takes the bias out of the velocity.
                    rate = 0.0
                    if soil_awake:
                        move_grains(prm, st, env, h)
                    if rock.awake == 1:
                        spin = wp.quat(rock.w[0], rock.w[1], rock.w[2], 0.0)
                        rock.x = rock.x + h * rock.v
                        rock.q = wp.normalize(rock.q + 0.5 * h * (spin * rock.q))
                if soil_awake:
                    solve_pairs(prm, w, st, env, inv_mass, h, rate, sweep % 2)
                    rock = solve_extras(prm, w, st, env, inv_mass, rock, bucket, h, rate, 0)
                if rock.awake == 1:
                    rock = solve_rock(prm, w, st, env, rock, bucket, h, rate, 0)
            if moving == 0:
                stop(prm, st, env)
                rock.v = still
                rock.w = still
            impulse += impulse_on_bucket(prm, st, env)
            if soil_awake:
                awake = go_to_sleep(prm, st, env, n, inv_mass, h, may_sleep)
            if rock.awake == 1:
                rock_calm = wp.length(rock.v) + w.rock_radius[env] * wp.length(rock.w) < ROCK_CALM
                rock_quiet = wp.where(rock_calm and on_bucket == 0 and may_sleep == 1, rock_quiet + h, 0.0)
                rock.load = still
                if rock_quiet >= prm.sleep_time:
                    rock.v = still
                    rock.w = still

    bad = is_bad(rock.x, 10.0) or is_bad(rock.v, 100.0)
    for i in range(g0, g0 + n):
        if is_bad(st.x[i], 10.0) or is_bad(st.v[i], 100.0):
            bad = True
    st.failed[env] = wp.where(bad, wp.uint8(1), wp.uint8(0))
    st.awake_count[env] = awake
    st.rock_quiet[env] = rock_quiet
    st.rock_load[env] = rock.load
    st.rock_x[env] = rock.x
    st.rock_q[env] = rock.q
    st.rock_v[env] = rock.v
    st.rock_w[env] = rock.w
    bottom = float(1.0e3)
    for s in range(w.sphere_count[env]):
        bottom = wp.min(bottom, wp.quat_rotate(rock.q, w.sphere_centre[env * prm.max_spheres + s])[2])
    st.rock_bottom[env] = rock.x[2] + bottom - w.sphere_radius[env]
    st.bucket[env] = targets[env]
    st.bucket_v[env] = wp.vec3(bucket_v[0], bucket_v[1], bucket_v[2])
    st.bucket_force[env] = impulse / (h * float(substeps))
