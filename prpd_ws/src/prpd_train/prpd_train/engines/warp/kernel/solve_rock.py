"""The rock's contacts with grains, pit and bucket, by the same rules as the grains'; see `solve.py`.

Each of them changes the rock, so that one lane visits them all, one after the other.
"""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.detect_rock import KEYS
from prpd_train.engines.warp.kernel.lanes import wait
from prpd_train.engines.warp.kernel.packed import and4, get4, put4, xyz
from prpd_train.engines.warp.kernel.sleep import is_awake
from prpd_train.engines.warp.kernel.solve import GIVE, add_press, bucket_speed, most_impulse, wanted_speed
from prpd_train.engines.warp.kernel.types import BOX, TOUCHES, Bucket, Params, Rock, State, World

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
def place_by_rock(prm: Params, st: State, env: int, i: int):
    """Where the contact of grain `i` with the rock is."""
    own = (2 * env + st.touch_half[env]) * prm.max_grains + i
    return own * TOUCHES + st.rock_place[env * prm.max_grains + i]


@wp.func
def take_by_rock(prm: Params, st: State, env: int, lane: int, lanes: int):
    """Lay the grains that touch the rock out one after the other, for the one lane that visits them."""
    g0 = env * prm.max_grains
    for m in range(g0 + lane, g0 + st.by_rock_count[env], lanes):
        i = st.by_rock[m]
        put4(st.by_rock_n, m, get4(st.touch_n, (g0 + i) * TOUCHES + st.rock_place[g0 + i]))
        put4(st.by_rock_x, m, get4(st.x, g0 + i))
        put4(st.by_rock_motion, m, get4(st.motion, g0 + i))
        put4(st.by_rock_p, m, and4(st.touch_p[place_by_rock(prm, st, env, i)], 0.0))
    wait()


@wp.func
def put_by_rock(prm: Params, st: State, env: int, bias_rate: float, warm: int, lane: int, lanes: int):
    """The other way round."""
    g0 = env * prm.max_grains
    for m in range(g0 + lane, g0 + st.by_rock_count[env], lanes):
        i = st.by_rock[m]
        motion = get4(st.by_rock_motion, m)
        put4(st.motion, g0 + i, motion)
        if warm == 0:
            p = xyz(get4(st.by_rock_p, m))
            st.touch_p[place_by_rock(prm, st, env, i)] = p
            if bias_rate == 0.0 and is_awake(prm, motion):
                add_press(st, g0 + i, p)
    wait()


@wp.func
def solve_by_rock(
    prm: Params, w: World, st: State, env: int, inv_mass: float, rock: Rock, h: float, bias_rate: float, warm: int
):
    """Visit the contacts of grains with the rock or, if `warm`, apply their kept impulses; returns the rock as it is
    then. For one lane.
    """
    radius = 0.5 * prm.diameter
    limit = most_impulse(prm, w, env, inv_mass, h)
    give = GIVE * 9.81 * h / inv_mass
    mu = w.mu_soil_rock[env]
    rock_mass = w.rock_mass[env]
    rv = rock.v
    rw = rock.w
    load = rock.load
    first = env * prm.max_grains
    end = first + st.by_rock_count[env]
    # Each is read while the one before it is visited: a GPU waits long for what it reads.
    next_gap = get4(st.by_rock_n, first)
    next_x = get4(st.by_rock_x, first)
    next_motion = get4(st.by_rock_motion, first)
    next_p = get4(st.by_rock_p, first)
    for m in range(first, end):
        gap = next_gap
        x = xyz(next_x)
        motion = next_motion
        old = xyz(next_p)
        following = wp.min(m + 1, end - 1)
        next_gap = get4(st.by_rock_n, following)
        next_x = get4(st.by_rock_x, following)
        next_motion = get4(st.by_rock_motion, following)
        next_p = get4(st.by_rock_p, following)
        moves = is_awake(prm, motion)
        if moves or rock.awake == 1:
            n = xyz(gap)
            change = old
            r = x - rock.x - (radius + gap[3]) * n
            if warm == 0:
                u = wp.where(moves, xyz(motion), wp.vec3(0.0, 0.0, 0.0)) - rv - wp.cross(rw, r)
                other = wp.where(moves, inv_mass, 0.0)
                most = wp.where(moves, limit, wp.min(limit, wp.dot(old, n) + give))
                wanted = wanted_speed(prm, gap[3], h, bias_rate)
                new = next_impulse(old, n, mu, u, wanted, r, other, rock, most)
                change = new - old
                put4(st.by_rock_p, m, and4(new, 0.0))
                load -= change / rock_mass
            if moves or warm == 0:
                put4(st.by_rock_motion, m, and4(xyz(motion) + inv_mass * change, motion[3]))
            rv -= rock.inv_mass * change
            rw -= rock.inv_inertia * wp.cross(r, change)
    rock.v = rv
    rock.w = rw
    rock.load = load
    return rock


@wp.func
def visit_by_rock(
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
    lanes: int,
):
    """The same for all lanes; the rock as it is then is the first one's."""
    if st.by_rock_count[env] > 0:
        take_by_rock(prm, st, env, lane, lanes)
        if lane == 0:
            rock = solve_by_rock(prm, w, st, env, inv_mass, rock, h, bias_rate, warm)
        wait()
        put_by_rock(prm, st, env, bias_rate, warm, lane, lanes)
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
    end = first + st.rock_contacts[half]
    mu_ground = w.mu_ground[env]
    mu_bucket = w.mu_rock_bucket[env]
    rounds = wp.where(warm == 1, 1, ROCK_ROUNDS)
    for _ in range(rounds):
        for c in range(first, end):
            gap = get4(st.rock_n, c)
            n = xyz(gap)
            r = st.rock_r[c]
            old = st.rock_p[c]
            change = old
            if warm == 0:
                mu = mu_ground
                u = rv + wp.cross(rw, r)
                if st.rock_key[c] % KEYS >= BOX:
                    mu = mu_bucket
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
