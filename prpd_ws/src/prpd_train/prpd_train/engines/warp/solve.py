"""Contact impulses by projected Gauss-Seidel: rigid, inelastic, with Coulomb friction.

Each contact keeps one impulse vector. A visit corrects the relative velocity and projects the impulse back onto the
friction cone. `bias_rate` > 0 also takes away overlap; the last visit of a substep has none, so that the velocity with
which overlap was taken away does not stay and no energy is made. At a biased visit a contact between grains lets go a
little of its impulse: without that, impulses that few visits cannot balance would ring through a deep bed.
"""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.detect import KEYS
from prpd_train.engines.warp.types import BOX, ROCK, ROW, Bucket, Params, Rock, State, World

MOST_FORCE = wp.constant(150.0)
"""N, of one contact: what is wedged between bucket and ground gives way instead of being pressed without limit."""
ROCK_ROUNDS = wp.constant(3)
"""Visits to the rock's contacts with pit and bucket, per visit to the grains: they are few, and hold each other."""
MOST_WEIGHTS = wp.constant(2000.0)
"""Likewise for a grain, in weights of that grain; a heavy one bears twenty weights in any case."""
GIVE = wp.constant(10.0)
"""Weights of a grain, by which a visit may press a sleeping one more: it cannot yield, but will wake."""


@wp.func
def most_impulse(inv_mass: float, h: float):
    """N s, for a contact of grains in a substep."""
    weight = 9.81 / inv_mass
    return h * wp.min(wp.max(MOST_FORCE, 20.0 * weight), MOST_WEIGHTS * weight)


@wp.func
def wanted_speed(prm: Params, gap: float, h: float, bias_rate: float):
    """m/s: least separating speed, negative while there is a gap to close."""
    if gap > 0.0:
        return -gap / h
    return wp.min(bias_rate * wp.max(-gap - prm.slop, 0.0), prm.push_speed)


@wp.func
def on_cone(p: wp.vec3, n: wp.vec3, mu: float, limit: float):
    """The impulse `p`, limited to the friction cone about `n` and to what a contact bears."""
    normal = wp.dot(p, n)
    if normal <= 0.0:
        return wp.vec3(0.0, 0.0, 0.0)
    tangent = p - normal * n
    normal = wp.min(normal, limit)
    size = wp.length(tangent)
    if size > mu * normal:
        tangent = tangent * (mu * normal / size)
    return normal * n + tangent


@wp.func
def add_press(prm: Params, st: State, i: int, p: wp.vec3):
    """Note what a grain that is awake bears."""
    if st.quiet[i] < prm.sleep_time:
        st.press[i] = st.press[i] + wp.length(p)


@wp.func
def solve_pairs(
    prm: Params, w: World, st: State, env: int, inv_mass: float, h: float, bias_rate: float, backwards: int
):
    """Visit the contacts between grains, in turn from either end of the list so that no direction is favoured."""
    g0 = env * prm.max_grains
    first = env * prm.max_pairs
    count = st.contacts[env]
    mu = w.mu_soil[env]
    limit = most_impulse(inv_mass, h)
    give = GIVE * 9.81 * h / inv_mass
    still = wp.vec3(0.0, 0.0, 0.0)
    for step in range(count):
        c = first + step
        if backwards == 1:
            c = first + count - 1 - step
        k = st.contact_pair[c]
        gap = st.contact_n[c]
        i = k // ROW
        j = g0 + st.pair_j[k]
        vi = st.v[i]
        vj = st.v[j]
        i_moves = st.quiet[i] < prm.sleep_time
        j_moves = st.quiet[j] < prm.sleep_time
        both = i_moves and j_moves
        mass = wp.where(both, 0.5, 1.0) / inv_mass
        n = wp.vec3(gap[0], gap[1], gap[2])
        old = st.pair_p[k]
        soft = wp.where(bias_rate > 0.0 and gap[3] < 0.0, prm.softness, 0.0)
        push = wp.where(i_moves, vi, still) - wp.where(j_moves, vj, still) - wanted_speed(prm, gap[3], h, bias_rate) * n
        most = wp.where(both, limit, wp.min(limit, wp.dot(old, n) + give))
        new = on_cone((1.0 - soft) * (old - mass * push), n, mu, most)
        change = inv_mass * (new - old)
        st.pair_p[k] = new
        st.v[i] = vi + change
        st.v[j] = vj - change
        if bias_rate == 0.0:
            add_press(prm, st, i, new)
            add_press(prm, st, j, new)


@wp.func
def bucket_speed(point: wp.vec3, bucket: Bucket):
    """Velocity of the bucket's material at a point."""
    arm = point - bucket.origin
    v = bucket.v
    return wp.vec3(v[0], v[1] - v[3] * arm[2], v[2] + v[3] * arm[1])


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
def solve_extras(
    prm: Params,
    w: World,
    st: State,
    env: int,
    inv_mass: float,
    rock: Rock,
    bucket: Bucket,
    h: float,
    bias_rate: float,
    warm: int,
):
    """Visit grains against pit, rock, bucket or, if `warm`, apply kept impulses; returns the rock as it is then."""
    half = 2 * env + st.extra_half[env]
    first = half * prm.max_extras
    radius = 0.5 * prm.diameter
    limit = most_impulse(inv_mass, h)
    give = GIVE * 9.81 * h / inv_mass
    rv = rock.v
    rw = rock.w
    load = rock.load
    for c in range(first, first + st.extras[half]):
        gap = st.extra_n[c]
        key = st.extra_key[c]
        i = env * prm.max_grains + key // KEYS
        entity = key % KEYS
        moves = st.quiet[i] < prm.sleep_time
        if moves or entity >= BOX or (entity == ROCK and rock.awake == 1):
            n = wp.vec3(gap[0], gap[1], gap[2])
            kept = st.v[i]
            v = wp.where(moves, kept, wp.vec3(0.0, 0.0, 0.0))
            old = st.extra_p[c]
            new = old
            r = st.x[i] - rock.x - (radius + gap[3]) * n
            if warm == 1:
                change = old
            else:
                wanted = wanted_speed(prm, gap[3], h, bias_rate)
                if entity == ROCK:
                    u = v - rv - wp.cross(rw, r)
                    other = wp.where(moves, inv_mass, 0.0)
                    most = wp.where(moves, limit, wp.min(limit, wp.dot(old, n) + give))
                    new = next_impulse(old, n, w.mu_soil_rock[env], u, wanted, r, other, rock, most)
                else:
                    mu = w.mu_ground[env]
                    u = v
                    if entity >= BOX:
                        mu = w.mu_soil_bucket[env]
                        u = v - bucket_speed(st.x[i] - radius * n, bucket)
                    new = on_cone(old - (u - wanted * n) / inv_mass, n, mu, limit)
                change = new - old
                st.extra_p[c] = new
                if bias_rate == 0.0:
                    add_press(prm, st, i, new)
            if moves or warm == 0:
                st.v[i] = kept + inv_mass * change
            if entity == ROCK:
                rv -= rock.inv_mass * change
                rw -= rock.inv_inertia * wp.cross(r, change)
                if warm == 0:
                    load -= change / w.rock_mass[env]
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
def impulse_on_bucket(prm: Params, st: State, env: int):
    """N s, of this substep."""
    total = wp.vec3(0.0, 0.0, 0.0)
    half = 2 * env + st.extra_half[env]
    if prm.soil_bucket == 1:
        for c in range(half * prm.max_extras, half * prm.max_extras + st.extras[half]):
            if st.extra_key[c] % KEYS >= BOX:
                total -= st.extra_p[c]
    half = 2 * env + st.rock_half[env]
    for c in range(half * prm.max_rock_contacts, half * prm.max_rock_contacts + st.rock_contacts[half]):
        if st.rock_key[c] % KEYS >= BOX:
            total -= st.rock_p[c]
    return total
