"""Contact impulses by projected Gauss-Seidel: rigid, inelastic, with Coulomb friction.

Each contact keeps one impulse vector. A visit corrects the relative velocity and projects the impulse back onto the
friction cone. `bias_rate` > 0 also takes away overlap; the last visit of a substep has none, so that the velocity with
which overlap was taken away does not stay and no energy is made. At a biased visit a contact between grains lets go a
little of its impulse: without that, impulses that few visits cannot balance would ring through a deep bed.
"""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.detect import KEYS
from prpd_train.engines.warp.types import BOX, ROCK, Params, State, World

MOST_FORCE = wp.constant(150.0)
"""N, of one contact: what is wedged between bucket and ground gives way instead of being pressed without limit."""
ROCK_ROUNDS = wp.constant(3)
"""Visits to the rock's contacts with pit and bucket, per visit to the grains: they are few, and hold each other."""
MOST_WEIGHTS = wp.constant(2000.0)
"""Likewise for a grain, in weights of that grain; a heavy one bears twenty weights in any case."""


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
def solve_pairs(
    prm: Params, w: World, st: State, env: int, inv_mass: float, h: float, bias_rate: float, backwards: int
):
    """Visit the contacts between grains, in turn from either end of the list so that no direction is favoured."""
    g0 = env * prm.max_grains
    first = env * prm.max_pairs
    count = st.contacts[env]
    mu = w.mu_soil[env]
    mass = 0.5 / inv_mass
    limit = most_impulse(inv_mass, h)
    for step in range(count):
        c = first + step
        if backwards == 1:
            c = first + count - 1 - step
        k = st.contact_pair[c]
        gap = st.contact_n[c]
        i = g0 + st.pair_i[k]
        j = g0 + st.pair_j[k]
        vi = st.v[i]
        vj = st.v[j]
        n = wp.vec3(gap[0], gap[1], gap[2])
        old = st.pair_p[k]
        soft = wp.where(bias_rate > 0.0 and gap[3] < 0.0, prm.softness, 0.0)
        push = vi - vj - wanted_speed(prm, gap[3], h, bias_rate) * n
        new = on_cone((1.0 - soft) * (old - mass * push), n, mu, limit)
        change = inv_mass * (new - old)
        st.pair_p[k] = new
        st.v[i] = vi + change
        st.v[j] = vj - change


@wp.func
def bucket_speed(point: wp.vec3, bucket: wp.vec4, bucket_v: wp.vec4):
    """Velocity of the bucket's material at a point."""
    arm = point - wp.vec3(bucket[0], bucket[1], bucket[2])
    return wp.vec3(bucket_v[0], bucket_v[1] - bucket_v[3] * arm[2], bucket_v[2] + bucket_v[3] * arm[1])


@wp.func
def inverse_mass_at(inv_mass: float, inv_inertia: wp.mat33, r: wp.vec3, n: wp.vec3):
    """kg^-1: how much a unit impulse along `n` at `r` changes the velocity there."""
    c = wp.cross(r, n)
    return inv_mass + wp.dot(c, inv_inertia * c)


@wp.func
def next_impulse(
    old: wp.vec3,
    n: wp.vec3,
    mu: float,
    u: wp.vec3,
    wanted: float,
    r: wp.vec3,
    other: float,
    rock_m: float,
    rock_i: wp.mat33,
    limit: float,
):
    """The impulse of a contact of the rock at `r` with a partner of inverse mass `other`, for relative velocity `u`."""
    un = wp.dot(u, n)
    kn = other + inverse_mass_at(rock_m, rock_i, r, n)
    old_normal = wp.dot(old, n)
    normal = wp.clamp(old_normal - (un - wanted) / wp.max(kn, 1.0e-9), 0.0, limit)
    tangent = old - old_normal * n
    ut = u - un * n
    speed = wp.length(ut)
    if speed > 1.0e-9:
        kt = other + inverse_mass_at(rock_m, rock_i, r, ut / speed)
        tangent -= ut / wp.max(kt, 1.0e-9)
    size = wp.length(tangent)
    if size > mu * normal:
        tangent = tangent * (mu * normal / wp.max(size, 1.0e-12))
    return normal * n + tangent


@wp.func
def solve_extras(
    prm: Params,
    w: World,
    st: State,
    env: int,
    flip: int,
    inv_mass: float,
    rock_x: wp.vec3,
    rock_v: wp.vec3,
    rock_w: wp.vec3,
    rock_m: float,
    rock_i: wp.mat33,
    bucket: wp.vec4,
    bucket_v: wp.vec4,
    h: float,
    bias_rate: float,
    warm: int,
):
    """Visit grains against pit, rock, bucket or, if `warm`, apply kept impulses; returns the rock's velocity."""
    first = (2 * env + flip) * prm.max_extras
    radius = 0.5 * prm.diameter
    limit = most_impulse(inv_mass, h)
    rv = rock_v
    rw = rock_w
    for c in range(first, first + st.extras[2 * env + flip]):
        gap = st.extra_n[c]
        key = st.extra_key[c]
        i = env * prm.max_grains + key // KEYS
        entity = key % KEYS
        n = wp.vec3(gap[0], gap[1], gap[2])
        v = st.v[i]
        old = st.extra_p[c]
        new = old
        r = st.x[i] - rock_x - (radius + gap[3]) * n
        if warm == 1:
            change = old
        else:
            wanted = wanted_speed(prm, gap[3], h, bias_rate)
            if entity == ROCK:
                u = v - rv - wp.cross(rw, r)
                new = next_impulse(old, n, w.mu_soil_rock[env], u, wanted, r, inv_mass, rock_m, rock_i, limit)
            else:
                mu = w.mu_ground[env]
                u = v
                if entity >= BOX:
                    mu = w.mu_soil_bucket[env]
                    u = v - bucket_speed(st.x[i] - radius * n, bucket, bucket_v)
                new = on_cone(old - (u - wanted * n) / inv_mass, n, mu, limit)
            change = new - old
            st.extra_p[c] = new
        st.v[i] = v + inv_mass * change
        if entity == ROCK:
            rv -= rock_m * change
            rw -= rock_i * wp.cross(r, change)
    return rv, rw


@wp.func
def solve_rock(
    prm: Params,
    w: World,
    st: State,
    env: int,
    flip: int,
    rock_x: wp.vec3,
    rock_v: wp.vec3,
    rock_w: wp.vec3,
    rock_m: float,
    rock_i: wp.mat33,
    bucket: wp.vec4,
    bucket_v: wp.vec4,
    h: float,
    bias_rate: float,
    warm: int,
):
    """The same for the rock against pit and bucket."""
    first = (2 * env + flip) * prm.max_rock_contacts
    rv = rock_v
    rw = rock_w
    rounds = wp.where(warm == 1, 1, ROCK_ROUNDS)
    for _ in range(rounds):
        for c in range(first, first + st.rock_contacts[2 * env + flip]):
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
                    u -= bucket_speed(rock_x + r, bucket, bucket_v)
                wanted = wanted_speed(prm, gap[3], h, bias_rate)
                new = next_impulse(old, n, mu, u, wanted, r, 0.0, rock_m, rock_i, h * MOST_FORCE)
                change = new - old
                st.rock_p[c] = new
            rv += rock_m * change
            rw += rock_i * wp.cross(r, change)
    return rv, rw


@wp.func
def impulse_on_bucket(prm: Params, st: State, env: int, extra_half: int, rock_half: int, soil_awake: bool):
    """N s, of this substep."""
    total = wp.vec3(0.0, 0.0, 0.0)
    half = 2 * env + extra_half
    if soil_awake and prm.soil_bucket == 1:
        for c in range(half * prm.max_extras, half * prm.max_extras + st.extras[half]):
            if st.extra_key[c] % KEYS >= BOX:
                total -= st.extra_p[c]
    half = 2 * env + rock_half
    for c in range(half * prm.max_rock_contacts, half * prm.max_rock_contacts + st.rock_contacts[half]):
        if st.rock_key[c] % KEYS >= BOX:
            total -= st.rock_p[c]
    return total
