"""Where the rock touches pit and bucket at the beginning of a substep; see `detect.py`.

The rock is felt by the spheres of its surface. Lanes look at spheres side by side, and then list the contacts in the
order of the spheres.
"""

# ruff: noqa: UP018, SIM102  (Warp takes int(0) for a variable, 0 for a constant; its `and` evaluates both sides.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.lanes import before, part, wait
from prpd_train.engines.warp.kernel.packed import and4, xyz
from prpd_train.engines.warp.kernel.shapes import box_gap, in_bucket_box, pit_gap, turn_x
from prpd_train.engines.warp.kernel.types import BOX, TOUCHES, Bucket, Params, Rock, State, World

KEYS = wp.constant(64)
"""Contact keys per rock sphere: more than entities that it can touch."""
NEAR_ROCK = wp.constant(0.004)
"""m, gap below which rock and pit or bucket are in contact."""


@wp.func
def rock_by_bucket(prm: Params, w: World, env: int, rock_x: wp.vec3, bucket: Bucket):
    """Whether the sphere around the rock meets the box around the bucket."""
    return prm.rock_bucket == 1 and in_bucket_box(prm, rock_x, w.rock_radius[env] + NEAR_ROCK, bucket)


@wp.func
def add_near(st: State, env: int, sphere: int, count: int, entity: int, gap: wp.vec4):
    """Note what a rock sphere that touches `count` things touches besides; returns how many it touches."""
    if count == TOUCHES:
        wp.atomic_add(st.overflow, env, 1)
        return count
    st.sphere_key[sphere * TOUCHES + count] = entity
    st.sphere_n[sphere * TOUCHES + count] = gap
    return count + 1


@wp.func
def detect_sphere(
    prm: Params, w: World, st: State, env: int, s: int, p: wp.vec3, bucket: Bucket, by_pit: bool, by_bucket: bool
):
    """Note what the rock's sphere `s`, at `p`, touches; returns how much."""
    sphere = env * prm.max_spheres + s
    radius = w.sphere_radius[env]
    count = int(0)
    if by_pit:
        for side in range(3):
            gap = pit_gap(p, radius, w.half[env], w.floor[env], w.rim[env], side)
            if gap[3] < NEAR_ROCK:
                count = add_near(st, env, sphere, count, side, gap)
    if by_bucket and in_bucket_box(prm, p, radius + NEAR_ROCK, bucket):
        local = turn_x(p - bucket.origin, bucket.cos, -bucket.sin)
        pit = count
        for b in range(prm.boxes):
            gap = box_gap(local, radius, w.box_centre[b], w.box_half[b], w.box_pitch[b])
            if gap[3] < NEAR_ROCK:
                gap = and4(turn_x(xyz(gap), bucket.cos, bucket.sin), gap[3])
                count = add_near(st, env, sphere, count, BOX + b, gap)
        wp.atomic_add(st.on_bucket, env, count - pit)
    st.sphere_touches[sphere] = count
    return count


@wp.func
def list_sphere(prm: Params, w: World, st: State, env: int, s: int, rock: Rock, old: int, at: int):
    """Append the contacts of the rock's sphere `s` to those of the others, from place `at` of the half that is not
    current. Their impulses are in the current one, in the same order, from `old` on; returns the place reached there.
    """
    half = 2 * env + st.rock_half[env]
    end = half * prm.max_rock_contacts + st.rock_contacts[half]
    sphere = env * prm.max_spheres + s
    for k in range(st.sphere_touches[sphere]):
        if at + k >= prm.max_rock_contacts:
            wp.atomic_add(st.overflow, env, 1)
        else:
            key = s * KEYS + st.sphere_key[sphere * TOUCHES + k]
            gap = st.sphere_n[sphere * TOUCHES + k]
            while old < end:
                if st.rock_key[old] >= key:
                    break
                old += 1
            p = wp.vec3(0.0, 0.0, 0.0)
            if old < end:
                if st.rock_key[old] == key:
                    p = st.rock_p[old]
            slot = (2 * env + 1 - st.rock_half[env]) * prm.max_rock_contacts + at + k
            st.rock_key[slot] = key
            st.rock_n[slot] = gap
            st.rock_r[slot] = wp.quat_rotate(rock.q, w.sphere_centre[sphere]) - w.sphere_radius[env] * xyz(gap)
            st.rock_p[slot] = p
    return old


@wp.func
def detect_rock(prm: Params, w: World, st: State, env: int, rock: Rock, bucket: Bucket, lane: int, lanes: int):
    """List where the rock's spheres touch pit and bucket, likewise, by their numbers: a lane its part, behind those of
    the lanes before it. Returns how many touch the bucket.
    """
    if lane == 0:
        st.on_bucket[env] = 0
    wait()
    by_bucket = rock_by_bucket(prm, w, env, rock.x, bucket)
    by_pit = rock.x[2] - w.rock_radius[env] - NEAR_ROCK < wp.max(w.rim[env], w.floor[env])
    first, last = part(wp.where(by_pit or by_bucket, w.sphere_count[env], 0), lane, lanes)
    count = int(0)
    for s in range(first, last):
        p = rock.x + wp.quat_rotate(rock.q, w.sphere_centre[env * prm.max_spheres + s])
        count += detect_sphere(prm, w, st, env, s, p, bucket, by_pit, by_bucket)
    at = before(count, lane)
    flip = 1 - st.rock_half[env]
    old = (2 * env + 1 - flip) * prm.max_rock_contacts
    for s in range(first, last):
        old = list_sphere(prm, w, st, env, s, rock, old, at)
        at += st.sphere_touches[env * prm.max_spheres + s]
    wait()
    if lane == lanes - 1:
        st.rock_contacts[2 * env + flip] = wp.min(at, prm.max_rock_contacts)
        st.rock_half[env] = flip
    wait()
    return st.on_bucket[env]
