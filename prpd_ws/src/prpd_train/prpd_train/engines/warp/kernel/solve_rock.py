"""The rock's contacts with grains, pit and bucket, by the same rules as the grains'; see `solve.py`.

Each of them changes the rock, so that they are visited one after the other. A crew of lanes does it: each prepares a
contact, and then they take turns.
"""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.detect_rock import KEYS
from prpd_train.engines.warp.kernel.lanes import crew, of_crew
from prpd_train.engines.warp.kernel.motion import get_motion, put_motion
from prpd_train.engines.warp.kernel.packed import and4, get4, xyz
from prpd_train.engines.warp.kernel.sleep import is_awake
from prpd_train.engines.warp.kernel.solve import GIVE, add_press, bucket_speed, most_impulse, wanted_speed
from prpd_train.engines.warp.kernel.types import BOX, TOUCHES, Bucket, Params, Rock, State, World

MOST_FORCE = wp.constant(150.0)
"""N, of one contact with pit or bucket: a rock wedged between them gives way instead of being pressed without limit."""
ROCK_ROUNDS = wp.constant(3)
"""Visits to the rock's contacts with pit and bucket, per visit to the grains: they are few, and hold each other."""


@wp.func
def give_at(rock: Rock, r: wp.vec3, other: float):
    """kg^-1, how much a unit impulse at `r` changes the velocity there against a partner of inverse mass `other`: the
    diagonal of a symmetric matrix, and what is beside it (yz, zx, xy).
    """
    about_x = wp.vec3(0.0, r[2], -r[1])
    about_y = wp.vec3(-r[2], 0.0, r[0])
    about_z = wp.vec3(r[1], -r[0], 0.0)
    x = rock.inv_inertia * about_x
    y = rock.inv_inertia * about_y
    z = rock.inv_inertia * about_z
    both = rock.inv_mass + other
    diagonal = wp.vec3(both + wp.dot(about_x, x), both + wp.dot(about_y, y), both + wp.dot(about_z, z))
    return diagonal, wp.vec3(wp.dot(about_y, z), wp.dot(about_z, x), wp.dot(about_x, y))


@wp.func
def give_along(diagonal: wp.vec3, beside: wp.vec3, v: wp.vec3):
    """The same along `v`, times the square of its length."""
    straight = wp.dot(diagonal, wp.cw_mul(v, v))
    return straight + 2.0 * (beside[0] * v[1] * v[2] + beside[1] * v[2] * v[0] + beside[2] * v[0] * v[1])


@wp.func
def next_impulse(
    old: wp.vec3,
    n: wp.vec3,
    mu: float,
    u: wp.vec3,
    wanted: float,
    per_speed: float,
    diagonal: wp.vec3,
    beside: wp.vec3,
    limit: float,
):
    """The impulse of a contact of the rock for relative velocity `u`; `per_speed` kg along the normal."""
    un = wp.dot(u, n)
    old_normal = wp.dot(old, n)
    normal = wp.clamp(old_normal - (un - wanted) * per_speed, 0.0, limit)
    tangent = old - old_normal * n
    ut = u - un * n
    speed2 = wp.length_sq(ut)
    if speed2 > 1.0e-18:
        tangent -= ut * (speed2 / wp.max(give_along(diagonal, beside, ut), 1.0e-9 * speed2))
    size2 = wp.length_sq(tangent)
    most = mu * normal
    if size2 > most * most:
        tangent = tangent * (most / wp.sqrt(wp.max(size2, 1.0e-24)))
    return normal * n + tangent


@wp.func
def place_by_rock(prm: Params, st: State, env: int, i: int):
    """Where the contact of grain `i` with the rock is."""
    own = (2 * env + st.touch_half[env]) * prm.max_grains + i
    return own * TOUCHES + st.rock_place[env * prm.max_grains + i]


@wp.func
def solve_by_rock(
    prm: Params,
    w: World,
    st: State,
    env: int,
    inv_mass: float,
    rock: Rock,
    h: float,
    bias_rate: float,
    warm: int,
    lane: int,
):
    """Visit the contacts of grains with the rock or, if `warm`, apply their kept impulses; returns the rock as it is
    then. For one crew.
    """
    radius = 0.5 * prm.diameter
    limit = most_impulse(prm, w, env, inv_mass, h)
    give = GIVE * 9.81 * h / inv_mass
    mu = w.mu_soil_rock[env]
    rock_mass = w.rock_mass[env]
    still = wp.vec3(0.0, 0.0, 0.0)
    g0 = env * prm.max_grains
    end = st.by_rock_count[env]
    for first in range(0, end, crew()):
        i = st.by_rock[g0 + wp.min(first + lane, end - 1)]
        place = place_by_rock(prm, st, env, i)
        gap = get4(st.touch_n, (g0 + i) * TOUCHES + st.rock_place[g0 + i])
        motion = get_motion(st, g0, g0 + i)
        old = st.touch_p[place]
        n = xyz(gap)
        v = xyz(motion)
        moves = is_awake(prm, motion)
        r = xyz(get4(st.x, g0 + i)) - rock.x - (radius + gap[3]) * n
        diagonal, beside = give_at(rock, r, wp.where(moves, inv_mass, 0.0))
        per_speed = 1.0 / wp.max(give_along(diagonal, beside, n), 1.0e-9)
        most = wp.where(moves, limit, wp.min(limit, wp.dot(old, n) + give))
        wanted = wanted_speed(prm, gap[3], h, bias_rate)
        new = old
        for turn in range(wp.min(crew(), end - first)):
            change = still
            if lane == turn and (moves or rock.awake == 1):
                change = old
                if warm == 0:
                    u = wp.where(moves, v, still) - rock.v - wp.cross(rock.w, r)
                    new = next_impulse(old, n, mu, u, wanted, per_speed, diagonal, beside, most)
                    change = new - old
                if moves or warm == 0:
                    v += inv_mass * change
            change = of_crew(change, turn)
            rock.v -= rock.inv_mass * change
            rock.w -= rock.inv_inertia * wp.cross(of_crew(r, turn), change)
            if warm == 0:
                rock.load -= change / rock_mass
        if first + lane < end:
            put_motion(st, g0, g0 + i, and4(v, motion[3]))
            if warm == 0:
                st.touch_p[place] = new
                if bias_rate == 0.0 and moves:
                    add_press(st, g0 + i, new)
    return rock


@wp.func
def solve_rock(
    prm: Params,
    w: World,
    st: State,
    env: int,
    rock: Rock,
    bucket: Bucket,
    h: float,
    bias_rate: float,
    warm: int,
    lane: int,
):
    """The same for the rock against pit and bucket."""
    half = 2 * env + st.rock_half[env]
    c0 = half * prm.max_rock_contacts
    end = st.rock_contacts[half]
    still = wp.vec3(0.0, 0.0, 0.0)
    for _ in range(wp.where(warm == 1, 1, ROCK_ROUNDS)):
        for first in range(0, end, crew()):
            c = c0 + wp.min(first + lane, end - 1)
            gap = get4(st.rock_n, c)
            n = xyz(gap)
            r = st.rock_r[c]
            old = st.rock_p[c]
            mu = w.mu_ground[env]
            meets = still
            if st.rock_key[c] % KEYS >= BOX:
                mu = w.mu_rock_bucket[env]
                meets = bucket_speed(rock.x + r, bucket)
            diagonal, beside = give_at(rock, r, 0.0)
            per_speed = 1.0 / wp.max(give_along(diagonal, beside, n), 1.0e-9)
            wanted = wanted_speed(prm, gap[3], h, bias_rate)
            new = old
            for turn in range(wp.min(crew(), end - first)):
                change = still
                if lane == turn:
                    change = old
                    if warm == 0:
                        u = rock.v + wp.cross(rock.w, r) - meets
                        new = next_impulse(old, n, mu, u, wanted, per_speed, diagonal, beside, h * MOST_FORCE)
                        change = new - old
                change = of_crew(change, turn)
                rock.v += rock.inv_mass * change
                rock.w += rock.inv_inertia * wp.cross(of_crew(r, turn), change)
            if first + lane < end:
                st.rock_p[c] = new
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
