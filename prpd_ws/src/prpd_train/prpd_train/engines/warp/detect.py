"""What touches what at the beginning of a substep.

Each list is built in a fixed order, and takes over the impulses of the last substep's list by walking along it, so that
a resting pile starts from the forces that carried it before.
"""

# ruff: noqa: UP018, SIM102  (Warp takes int(0) for a variable, 0 for a constant; its `and` evaluates both sides.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.shapes import box_gap, pit_gap, rock_gap, turn_x
from prpd_train.engines.warp.types import BOX, ROCK, ROW, Bucket, Params, Rock, State, World

KEYS = wp.constant(64)
"""Contact keys per grain or rock sphere: more than entities that it can touch."""
NEAR_ROCK = wp.constant(0.004)
"""m, gap below which rock and pit or bucket are in contact."""


@wp.func
def in_bucket_box(prm: Params, x: wp.vec3, margin: float, bucket: Bucket):
    """Whether a point is in the box around the bucket, or nearer to it than `margin`."""
    c = turn_x(x - bucket.origin, bucket.cos, -bucket.sin)
    low = prm.bucket_low
    high = prm.bucket_high
    over = c[0] > low[0] - margin and c[1] > low[1] - margin and c[2] > low[2] - margin
    return over and c[0] < high[0] + margin and c[1] < high[1] + margin and c[2] < high[2] + margin


@wp.func
def detect_pairs(prm: Params, st: State, env: int, inv_mass: float, h: float):
    """List the grains that touch or will within the substep, and apply their kept impulses to those awake."""
    g0 = env * prm.max_grains
    first = env * prm.max_pairs
    reach = prm.diameter + prm.skin
    margin = 0.02 * prm.diameter
    still = wp.vec3(0.0, 0.0, 0.0)
    out = first
    for a in range(first, first + st.active_count[env]):
        k = st.active[a]
        i = k // ROW
        j = g0 + st.pair_j[k]
        d = st.x[i] - st.x[j]
        dist2 = wp.dot(d, d)
        i_moves = st.quiet[i] < prm.sleep_time
        j_moves = st.quiet[j] < prm.sleep_time
        touching = dist2 < reach * reach
        if touching:
            dist = wp.max(wp.sqrt(dist2), 1.0e-9)
            n = d / dist
            vi = wp.where(i_moves, st.v[i], still)
            vj = wp.where(j_moves, st.v[j], still)
            gap = dist - prm.diameter
            touching = gap + h * wp.min(wp.dot(vi - vj, n), 0.0) < margin
            if touching:
                st.contact_pair[out] = k
                st.contact_n[out] = wp.vec4(n[0], n[1], n[2], gap)
                out += 1
                p = st.pair_p[k] * inv_mass
                if i_moves:
                    st.v[i] = vi + p
                if j_moves:
                    st.v[j] = vj - p
        if not touching:
            # What sleeps loses what it leaned on.
            p = st.pair_p[k] * inv_mass
            if not i_moves:
                st.v[i] = st.v[i] - p
            if not j_moves:
                st.v[j] = st.v[j] + p
            st.pair_p[k] = still
    st.contacts[env] = out - first


@wp.func
def seek(prm: Params, st: State, env: int, inv_mass: float, at: int, end: int, key: int):
    """The first place from `at` on whose key is not below `key`; contacts passed by have ended."""
    while at < end:
        old = st.extra_key[at]
        if old >= key:
            return at
        g = env * prm.max_grains + old // KEYS
        if st.quiet[g] >= prm.sleep_time:
            st.v[g] = st.v[g] - st.extra_p[at] * inv_mass
        at += 1
    return at


@wp.func
def add_extra(
    prm: Params, st: State, env: int, inv_mass: float, flip: int, at: int, old_end: int, key: int, gap: wp.vec4
):
    """Append a contact with the impulse kept from the old list; returns the place reached in that list."""
    at = seek(prm, st, env, inv_mass, at, old_end, key)
    count = st.extras[2 * env + flip]
    if count == prm.max_extras:
        st.overflow[env] = st.overflow[env] + 1
        return at
    p = wp.vec3(0.0, 0.0, 0.0)
    if at < old_end:
        if st.extra_key[at] == key:
            p = st.extra_p[at]
            at += 1
    slot = (2 * env + flip) * prm.max_extras + count
    st.extra_key[slot] = key
    st.extra_n[slot] = gap
    st.extra_p[slot] = p
    st.extras[2 * env + flip] = count + 1
    return at


@wp.func
def detect_extras(prm: Params, w: World, st: State, env: int, n: int, inv_mass: float, rock: Rock, bucket: Bucket):
    """List what grains touch besides grains, in the half that is not current; it becomes current."""
    g0 = env * prm.max_grains
    flip = 1 - st.extra_half[env]
    st.extra_half[env] = flip
    radius = 0.5 * prm.diameter
    near = 0.5 * prm.skin
    at = (2 * env + 1 - flip) * prm.max_extras
    old_end = at + st.extras[2 * env + 1 - flip]
    st.extras[2 * env + flip] = 0
    half = w.half[env]
    floor = w.floor[env]
    rim = w.rim[env]
    rock_reach = w.rock_radius[env] + radius + near
    margin = radius + near
    for i in range(n):
        x = st.x[g0 + i]
        key = i * KEYS
        by_wall = wp.abs(x[0]) + margin > half[0] or wp.abs(x[1]) + margin > half[1]
        if x[2] - margin < floor or (by_wall and x[2] - margin < rim):
            for part in range(3):
                gap = pit_gap(x, radius, half, floor, rim, part)
                if gap[3] < near:
                    at = add_extra(prm, st, env, inv_mass, flip, at, old_end, key + part, gap)
        if prm.soil_rock == 1:
            d = x - rock.x
            if wp.dot(d, d) < rock_reach * rock_reach:
                gap = rock_gap(prm, w, env, wp.quat_rotate_inv(rock.q, d), radius)
                if gap[3] < near:
                    m = wp.quat_rotate(rock.q, wp.vec3(gap[0], gap[1], gap[2]))
                    g = wp.vec4(m[0], m[1], m[2], gap[3])
                    at = add_extra(prm, st, env, inv_mass, flip, at, old_end, key + ROCK, g)
        if prm.soil_bucket == 1:
            if in_bucket_box(prm, x, margin, bucket):
                local = turn_x(x - bucket.origin, bucket.cos, -bucket.sin)
                for b in range(prm.boxes):
                    gap = box_gap(local, radius, w.box_centre[b], w.box_half[b], w.box_pitch[b])
                    if gap[3] < near:
                        m = turn_x(wp.vec3(gap[0], gap[1], gap[2]), bucket.cos, bucket.sin)
                        g = wp.vec4(m[0], m[1], m[2], gap[3])
                        at = add_extra(prm, st, env, inv_mass, flip, at, old_end, key + BOX + b, g)
    seek(prm, st, env, inv_mass, at, old_end, n * KEYS)


@wp.func
def add_rock_contact(
    prm: Params, st: State, env: int, flip: int, at: int, old_end: int, key: int, r: wp.vec3, gap: wp.vec4
):
    """As `add_extra`, for a rock sphere that touches at `r` from the centre of mass."""
    while at < old_end:
        if st.rock_key[at] >= key:
            break
        at += 1
    count = st.rock_contacts[2 * env + flip]
    if count == prm.max_rock_contacts:
        st.overflow[env] = st.overflow[env] + 1
        return at
    p = wp.vec3(0.0, 0.0, 0.0)
    if at < old_end:
        if st.rock_key[at] == key:
            p = st.rock_p[at]
    slot = (2 * env + flip) * prm.max_rock_contacts + count
    st.rock_key[slot] = key
    st.rock_n[slot] = gap
    st.rock_r[slot] = r
    st.rock_p[slot] = p
    st.rock_contacts[2 * env + flip] = count + 1
    return at


@wp.func
def rock_by_bucket(prm: Params, w: World, env: int, rock_x: wp.vec3, bucket: Bucket):
    """Whether the sphere around the rock meets the box around the bucket."""
    return prm.rock_bucket == 1 and in_bucket_box(prm, rock_x, w.rock_radius[env] + NEAR_ROCK, bucket)


@wp.func
def detect_rock(prm: Params, w: World, st: State, env: int, rock: Rock, bucket: Bucket):
    """List where the rock's spheres touch pit and bucket, likewise; returns how many touch the bucket."""
    flip = 1 - st.rock_half[env]
    st.rock_half[env] = flip
    radius = w.sphere_radius[env]
    at = (2 * env + 1 - flip) * prm.max_rock_contacts
    old_end = at + st.rock_contacts[2 * env + 1 - flip]
    st.rock_contacts[2 * env + flip] = 0
    margin = radius + NEAR_ROCK
    by_bucket = rock_by_bucket(prm, w, env, rock.x, bucket)
    by_pit = rock.x[2] - w.rock_radius[env] - NEAR_ROCK < wp.max(w.rim[env], w.floor[env])
    on_bucket = int(0)
    if by_pit or by_bucket:
        for s in range(w.sphere_count[env]):
            r = wp.quat_rotate(rock.q, w.sphere_centre[env * prm.max_spheres + s])
            p = rock.x + r
            key = s * KEYS
            if by_pit:
                for part in range(3):
                    gap = pit_gap(p, radius, w.half[env], w.floor[env], w.rim[env], part)
                    if gap[3] < NEAR_ROCK:
                        arm = r - radius * wp.vec3(gap[0], gap[1], gap[2])
                        at = add_rock_contact(prm, st, env, flip, at, old_end, key + part, arm, gap)
            if by_bucket and in_bucket_box(prm, p, margin, bucket):
                local = turn_x(p - bucket.origin, bucket.cos, -bucket.sin)
                for b in range(prm.boxes):
                    gap = box_gap(local, radius, w.box_centre[b], w.box_half[b], w.box_pitch[b])
                    if gap[3] < NEAR_ROCK:
                        m = turn_x(wp.vec3(gap[0], gap[1], gap[2]), bucket.cos, bucket.sin)
                        g = wp.vec4(m[0], m[1], m[2], gap[3])
                        at = add_rock_contact(prm, st, env, flip, at, old_end, key + BOX + b, r - radius * m, g)
                        on_bucket += 1
    return on_bucket
