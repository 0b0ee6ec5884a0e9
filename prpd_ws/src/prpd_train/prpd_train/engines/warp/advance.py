"""The kernel: one thread advances one environment by a whole control step.

On a CPU this makes a launch per control step and keeps an environment's grains in the cache; on a GPU many environments
run side by side. The order of all operations inside an environment is fixed, and environments share nothing.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.detect import detect_extras, detect_pairs, detect_rock, rock_by_bucket
from prpd_train.engines.warp.neighbours import list_pairs
from prpd_train.engines.warp.solve import impulse_on_bucket, solve_extras, solve_pairs, solve_rock
from prpd_train.engines.warp.types import Params, State, World

wp.set_module_options({"enable_backward": False})

GRAVITY = wp.constant(wp.vec3(0.0, 0.0, -9.81))
CALM = wp.constant(0.01)
"""m/s, root mean square speed of grains below which soil is quiet; nor may a grain be ten times as fast."""
ROCK_CALM = wp.constant(0.02)
"""m/s, likewise for the rock's centre and, turning, its surface."""


@wp.func
def move_grains(prm: Params, st: State, env: int, n: int, h: float):
    """Integrate positions, note when the pairs are out of date; returns whether the soil is quiet."""
    g0 = env * prm.max_grains
    limit2 = 0.25 * prm.skin * prm.skin
    stale = int(0)
    energy = float(0.0)
    fastest2 = float(0.0)
    for i in range(g0, g0 + n):
        v = st.v[i]
        x = st.x[i] + h * v
        st.x[i] = x
        d = x - st.x_listed[i]
        if wp.dot(d, d) > limit2:
            stale = 1
        speed2 = wp.dot(v, v)
        energy += speed2
        fastest2 = wp.max(fastest2, speed2)
    if stale == 1:
        st.stale[env] = 1
    return energy < float(n) * CALM * CALM and fastest2 < 100.0 * CALM * CALM


@wp.func
def put_soil_to_sleep(st: State, env: int, g0: int, n: int, radius: float):
    """Stop the grains, which keep their contact impulses, and note how high they reach."""
    top = float(-1.0e3)
    for i in range(g0, g0 + n):
        st.v[i] = wp.vec3(0.0, 0.0, 0.0)
        top = wp.max(top, st.x[i][2] + radius)
    st.soil_top[env] = top


@wp.func
def bucket_by_soil(prm: Params, st: State, w: World, env: int, bucket: wp.vec4):
    """Whether the ball around the bucket reaches down to sleeping soil that it may touch."""
    reach = wp.max(wp.length(prm.bucket_low), wp.length(prm.bucket_high)) + prm.diameter
    low = bucket[2] - reach < st.soil_top[env]
    inside = wp.abs(bucket[0]) < w.half[env][0] + reach and wp.abs(bucket[1]) < w.half[env][1] + reach
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
):
    """Advance each of `envs` by `substeps` of `h` s while its bucket moves to its target."""
    env = envs[wp.tid()]
    n = w.count[env]
    g0 = env * prm.max_grains
    inv_mass = 1.0 / w.grain_mass[env]
    start = st.bucket[env]
    bucket_v = (targets[env] - start) / (h * float(substeps))
    bucket_moves = wp.length_sq(bucket_v) > 0.0
    impulse = wp.vec3(0.0, 0.0, 0.0)
    rock_x = st.rock_x[env]
    rock_q = st.rock_q[env]
    rock_v = st.rock_v[env]
    rock_w = st.rock_w[env]
    body_inverse = wp.inverse(w.rock_inertia[env])
    held = w.rock_held[env] == 1
    soil_quiet = st.soil_quiet[env]
    rock_quiet = st.rock_quiet[env]
    for step in range(substeps):
        bucket = start + (float(step) * h) * bucket_v

        # Who is awake. Quiet things keep still together: a rock in the soil sleeps and wakes with it.
        in_soil = rock_x[2] - w.rock_radius[env] - prm.diameter < st.soil_top[env] or soil_quiet < prm.sleep_time
        if bucket_moves and rock_by_bucket(prm, w, env, rock_x, bucket):
            rock_quiet = 0.0
        if (rock_quiet < prm.sleep_time and in_soil) or (bucket_moves and bucket_by_soil(prm, st, w, env, bucket)):
            soil_quiet = wp.min(soil_quiet, 0.9 * prm.sleep_time)
        soil_awake = soil_quiet < prm.sleep_time
        if soil_awake and in_soil:
            rock_quiet = wp.min(rock_quiet, 0.9 * prm.sleep_time)
        rock_awake = rock_quiet < prm.sleep_time
        if soil_awake or rock_awake:
            rock_half = 1 - st.rock_half[env]
            st.rock_half[env] = rock_half
            rock_m = float(0.0)
            rock_i = wp.mat33(0.0)
            if not held:
                rock_m = 1.0 / w.rock_mass[env]
                turn = wp.quat_to_matrix(rock_q)
                rock_i = turn * body_inverse * wp.transpose(turn)
                rock_v += h * (GRAVITY + rock_m * w.rock_force[env])
            extra_half = st.extra_half[env]
            if soil_awake:
                extra_half = 1 - extra_half
                st.extra_half[env] = extra_half
                if st.stale[env] == 1:
                    list_pairs(prm, st, env, n)
                for i in range(g0, g0 + n):
                    st.v[i] = st.v[i] + h * GRAVITY
                detect_extras(prm, w, st, env, extra_half, n, rock_x, rock_q, bucket)
                detect_pairs(prm, st, env, inv_mass, h)
                rock_v, rock_w = solve_extras(
                    prm,
                    w,
                    st,
                    env,
                    extra_half,
                    inv_mass,
                    rock_x,
                    rock_v,
                    rock_w,
                    rock_m,
                    rock_i,
                    bucket,
                    bucket_v,
                    h,
                    0.0,
                    1,
                )
            on_bucket = detect_rock(prm, w, st, env, rock_half, rock_x, rock_q, bucket)
            rock_v, rock_w = solve_rock(
                prm, w, st, env, rock_half, rock_x, rock_v, rock_w, rock_m, rock_i, bucket, bucket_v, h, 0.0, 1
            )
            calm = bool(True)
            for sweep in range(prm.iterations):
                rate = prm.bias_rate
                if sweep == prm.iterations - 1:
                    # Positions move with the biased velocity; the last sweep takes the bias out of the velocity.
                    rate = 0.0
                    if soil_awake:
                        calm = move_grains(prm, st, env, n, h)
                    rock_x += h * rock_v
                    rock_q = wp.normalize(rock_q + 0.5 * h * (wp.quat(rock_w[0], rock_w[1], rock_w[2], 0.0) * rock_q))
                if soil_awake:
                    solve_pairs(prm, w, st, env, inv_mass, h, rate, sweep % 2)
                    rock_v, rock_w = solve_extras(
                        prm,
                        w,
                        st,
                        env,
                        extra_half,
                        inv_mass,
                        rock_x,
                        rock_v,
                        rock_w,
                        rock_m,
                        rock_i,
                        bucket,
                        bucket_v,
                        h,
                        rate,
                        0,
                    )
                rock_v, rock_w = solve_rock(
                    prm, w, st, env, rock_half, rock_x, rock_v, rock_w, rock_m, rock_i, bucket, bucket_v, h, rate, 0
                )
            force = impulse_on_bucket(prm, st, env, extra_half, rock_half, soil_awake)
            impulse += force

            rock_calm = wp.length(rock_v) + w.rock_radius[env] * wp.length(rock_w) < ROCK_CALM
            rock_quiet = wp.where(rock_calm and on_bucket == 0, rock_quiet + h, 0.0)
            if soil_awake:
                soil_quiet = wp.where(calm and (rock_calm or not in_soil), soil_quiet + h, 0.0)
                if may_sleep == 0 or (prm.soil_bucket == 1 and wp.length_sq(force) > 0.0):
                    soil_quiet = 0.0
                if in_soil:
                    both = wp.min(soil_quiet, rock_quiet)
                    soil_quiet = both
                    rock_quiet = both
                if soil_quiet >= prm.sleep_time:
                    put_soil_to_sleep(st, env, g0, n, 0.5 * prm.diameter)
            if may_sleep == 0:
                rock_quiet = 0.0
            if rock_quiet >= prm.sleep_time:
                rock_v = wp.vec3(0.0, 0.0, 0.0)
                rock_w = wp.vec3(0.0, 0.0, 0.0)

    bad = is_bad(rock_x, 10.0) or is_bad(rock_v, 100.0)
    for i in range(g0, g0 + n):
        if is_bad(st.x[i], 10.0) or is_bad(st.v[i], 100.0):
            bad = True
    st.failed[env] = wp.where(bad, wp.uint8(1), wp.uint8(0))
    st.soil_quiet[env] = soil_quiet
    st.rock_quiet[env] = rock_quiet
    st.rock_x[env] = rock_x
    st.rock_q[env] = rock_q
    st.rock_v[env] = rock_v
    st.rock_w[env] = rock_w
    bottom = float(1.0e3)
    for s in range(w.sphere_count[env]):
        bottom = wp.min(bottom, wp.quat_rotate(rock_q, w.sphere_centre[env * prm.max_spheres + s])[2])
    st.rock_bottom[env] = rock_x[2] + bottom - w.sphere_radius[env]
    st.bucket[env] = targets[env]
    st.bucket_v[env] = wp.vec3(bucket_v[0], bucket_v[1], bucket_v[2])
    st.bucket_force[env] = impulse / (h * float(substeps))
