"""The rock's contacts with grains, pit and bucket, by the same rules as the grains'; see `solve.py`.

Each of them changes the rock, so that one lane visits them all, one after the other.
"""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.detect import KEYS
from prpd_train.engines.warp.solve import GIVE, add_press, bucket_speed, most_impulse, wanted_speed
from prpd_train.engines.warp.types import BOX, TOUCHES, Bucket, Params, Rock, State, World

MOST_FORCE = wp.constant(150.0)
"""N, of one contact with pit or bucket: a rock wedged between them gives way instead of being pressed without limit."""
ROCK_ROUNDS = wp.constant(3)
"""Visits to the rock's contacts with pit and bucket, per visit to the grains: they are few, and hold each other."""


@wp.func
def next_impulse(
    old: wp.vec3, n: wp.vec3, mu: float, u: wp.vec3, wanted: float, r: wp.vec3, other: float, rock: Rock, limit: float
):
    """The impulse of a contact of the rock at `r` with a partner of inverse mass `other`, for relative velocity `u`."""
    un = wp.dot(u, n)
    kn = other + inverse_mass_at(rock, r, n)
    old_normal = wp.dot(old, n)
    normal = wp.clamp(old_normal - (un - wanted) / wp.max(kn, 1.0e-9), 0.0, limit)
    tangent = old - old_normal * n
    ut = u - un * n
    speed = wp.length(ut)
    if speed > 1.0e-9:
        kt = other + inverse_mass_at(rock, r, ut / speed)
        tangent -= ut / wp.max(kt, 1.0e-9)
    size = wp.length(tangent)
    if size > mu * normal:
        tangent = tangent * (mu * normal / wp.max(size, 1.0e-12))
    return normal * n + tangent


@wp.func
def inverse_mass_at(rock: Rock, r: wp.vec3, n: wp.vec3):
    """kg^-1: how much a unit impulse along `n` at `r` changes the velocity there."""
    c = wp.cross(r, n)
    return rock.inv_mass + wp.dot(c, rock.inv_inertia * c)


@wp.func
def solve_by_rock(
    prm: Params, w: World, st: State, env: int, inv_mass: float, rock: Rock, h: float, bias_rate: float, warm: int
):
    """Visit the contacts of grains with the rock or, if `warm`, apply their kept impulses; returns the rock as it is
    then.
    """
    g0 = env * prm.max_grains
    radius = 0.5 * prm.diameter
    limit = most_impulse(prm, w, env, inv_mass, h)
    give = GIVE * 9.81 * h / inv_mass
    rv = rock.v
    rw = rock.w
    load = rock.load
    for m in range(st.by_rock_count[env]):
        i = st.by_rock[g0 + m]
        g = g0 + i
        moves = st.quiet[g] < prm.sleep_time
        if moves or rock.awake == 1:
            at = st.rock_place[g]
            place = ((2 * env + st.touch_half[env]) * prm.max_grains + i) * TOUCHES + at
            gap = st.touch_n[g * TOUCHES + at]
            n = wp.vec3(gap[0], gap[1], gap[2])
            kept = st.v[g]
            old = st.touch_p[place]
            change = old
            r = st.x[g] - rock.x - (radius + gap[3]) * n
            if warm == 0:
                u = wp.where(moves, kept, wp.vec3(0.0, 0.0, 0.0)) - rv - wp.cross(rw, r)
                other = wp.where(moves, inv_mass, 0.0)
                most = wp.where(moves, limit, wp.min(limit, wp.dot(old, n) + give))
                wanted = wanted_speed(prm, gap[3], h, bias_rate)
                new = next_impulse(old, n, w.mu_soil_rock[env], u, wanted, r, other, rock, most)
                change = new - old
                st.touch_p[place] = new
                load -= change / w.rock_mass[env]
                if bias_rate == 0.0:
                    add_press(prm, st, g, new)
            if moves or warm == 0:
                st.v[g] = kept + inv_mass * change
            rv -= rock.inv_mass * change
            rw -= rock.inv_inertia * wp.cross(r, change)
    rock.v = rv
    rock.w = rw
    rock.load = load
    return rock


@wp.func
def solve_rock(
    prm: Params, w: World, st: State, env: int, rock: Rock, bucket: Bucket, h: float, bias_rate: float, warm: int
):
    """The same for the rock against pit and bucket; returns the rock."""
    half = 2 * env + st.rock_half[env]
    first = half * prm.max_rock_contacts
    rv = rock.v
    rw = rock.w
    rounds = wp.where(warm == 1, 1, ROCK_ROUNDS)
    for _ in range(rounds):
        for c in range(first, first + st.rock_contacts[half]):
            gap = st.rock_n[c]
            n = wp.vec3(gap[0], gap[1], gap[2])
            r = st.rock_r[c]
            old = st.rock_p[c]
            change = old
            if warm == 0:
                mu = w.mu_ground[env]
                u = rv + wp.cross(rw, r)
                if st.rock_key[c] % KEYS >= BOX:
                    mu = w.mu_rock_bucket[env]
                    u -= bucket_speed(rock.x + r, bucket)
                wanted = wanted_speed(prm, gap[3], h, bias_rate)
                new = next_impulse(old, n, mu, u, wanted, r, 0.0, rock, h * MOST_FORCE)
                change = new - old
                st.rock_p[c] = new
            rv += rock.inv_mass * change
            rw += rock.inv_inertia * wp.cross(r, change)
    rock.v = rv
    rock.w = rw
    return rock


@wp.func
def impulse_of_rock(prm: Params, st: State, env: int):
    """N s, on the bucket in this substep."""
    total = wp.vec3(0.0, 0.0, 0.0)
    half = 2 * env + st.rock_half[env]
    for c in range(half * prm.max_rock_contacts, half * prm.max_rock_contacts + st.rock_contacts[half]):
        if st.rock_key[c] % KEYS >= BOX:
            total -= st.rock_p[c]
    return total
