"""Contact impulses by projected Gauss-Seidel: rigid, inelastic, with Coulomb friction.

Each contact keeps one impulse vector. A visit corrects the relative velocity and projects the impulse back onto the
friction cone. `bias_rate` > 0 also takes away overlap; the last visit of a substep has none, so that the velocity with
which overlap was taken away does not stay and no energy is made. At a biased visit a contact between grains lets go a
little of its impulse: without that, impulses that few visits cannot balance would ring through a deep bed.
"""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.colours import own_first, own_step
from prpd_train.engines.warp.kernel.lanes import in_colours, part, tally, wait
from prpd_train.engines.warp.kernel.motion import get_motion, put_motion
from prpd_train.engines.warp.kernel.packed import and4, get4, put4, xyz
from prpd_train.engines.warp.kernel.sleep import is_awake
from prpd_train.engines.warp.kernel.types import BOX, PAIR_COLOURS, ROW, TOUCHES, Bucket, Params, State, World

AGAINST_PIT = wp.constant(4.0)
"""Factor on what a grain's contact bears, against pit and ground: what is wedged yields elsewhere, what falls stops."""
GIVE = wp.constant(10.0)
"""Weights of a grain, by which a visit may press a sleeping one more: it cannot yield, but will wake."""


@wp.func
def most_impulse(prm: Params, w: World, env: int, inv_mass: float, h: float):
    """N s, that a contact of a grain bears in a substep."""
    return 9.81 * h / inv_mass * w.strength[env] / prm.diameter


@wp.func
def wanted_speed(prm: Params, gap: float, h: float, bias_rate: float):
    """m/s: least separating speed, negative while there is a gap to close."""
    if gap > 0.0:
        return -gap / h
    return wp.min(bias_rate * wp.max(-gap - prm.slop, 0.0), prm.push_speed)


@wp.func
def on_cone(p: wp.vec3, n: wp.vec3, mu: float, limit: float):
    """The impulse `p`, limited to the friction cone about `n` and to what a contact bears."""
    along = wp.dot(p, n)
    tangent = p - along * n
    size = wp.length(tangent)
    normal = wp.clamp(along, 0.0, limit)
    most = mu * normal
    return normal * n + wp.where(size > most, most / size, 1.0) * tangent


@wp.func
def add_press(st: State, g: int, p: wp.vec3):
    """Note what a grain that is awake bears."""
    st.press[g] = st.press[g] + wp.length(p)


@wp.func
def solve_pair(
    prm: Params,
    st: State,
    g0: int,
    c: int,
    inv_mass: float,
    mu: float,
    h: float,
    bias_rate: float,
    give: float,
    limit: float,
):
    """Visit contact `c` between grains."""
    still = wp.vec3(0.0, 0.0, 0.0)
    place = st.contact_pair[c]
    gap = get4(st.contact_n, c)
    old = xyz(get4(st.contact_p, c))
    i = place // ROW
    j = st.contact_j[c]
    mi = get_motion(st, g0, i)
    mj = get_motion(st, g0, j)
    i_moves = is_awake(prm, mi)
    j_moves = is_awake(prm, mj)
    both = i_moves and j_moves
    mass = wp.where(both, 0.5, 1.0) / inv_mass
    n = xyz(gap)
    soft = wp.where(bias_rate > 0.0 and gap[3] < 0.0, prm.softness, 0.0)
    vi = wp.where(i_moves, xyz(mi), still)
    vj = wp.where(j_moves, xyz(mj), still)
    push = vi - vj - wanted_speed(prm, gap[3], h, bias_rate) * n
    most = wp.where(both, limit, wp.min(limit, wp.dot(old, n) + give))
    new = on_cone((1.0 - soft) * (old - mass * push), n, mu, most)
    change = inv_mass * (new - old)
    put4(st.contact_p, c, and4(new, 0.0))
    put_motion(st, g0, i, and4(xyz(mi) + change, mi[3]))
    put_motion(st, g0, j, and4(xyz(mj) - change, mj[3]))
    if bias_rate == 0.0:
        put4(st.pair_p, place, and4(new, 0.0))
        if i_moves:
            add_press(st, i, new)
        if j_moves:
            add_press(st, j, new)


@wp.func
def solve_pairs(
    prm: Params,
    w: World,
    st: State,
    env: int,
    inv_mass: float,
    h: float,
    bias_rate: float,
    backwards: int,
    lane: int,
    lanes: int,
):
    """Visit the contacts between grains, in turn from either end so that no direction is favoured.

    A lane alone goes along the list; several share the contacts of a colour.
    """
    g0 = env * prm.max_grains
    first = env * prm.max_contacts
    mu = w.mu_soil[env]
    give = GIVE * 9.81 * h / inv_mass
    limit = most_impulse(prm, w, env, inv_mass, h)
    if not in_colours(prm.coloured):
        count = st.contact_end[env]
        for step in range(count):
            c = first + wp.where(backwards == 1, count - 1 - step, step)
            solve_pair(prm, st, g0, c, inv_mass, mu, h, bias_rate, give, limit)
        return
    c0 = env * (PAIR_COLOURS + 1)
    for turn in range(PAIR_COLOURS):
        colour = wp.where(backwards == 1, PAIR_COLOURS - 1 - turn, turn)
        begin = first + st.colour_start[c0 + colour]
        count = tally(st.colour_fill, c0, colour, 0, False)
        if count > 0:
            for k in range(own_first(colour, lane, count), count, own_step(colour, lanes)):
                solve_pair(prm, st, g0, begin + k, inv_mass, mu, h, bias_rate, give, limit)
            wait()


@wp.func
def bucket_speed(point: wp.vec3, bucket: Bucket):
    """Velocity of the bucket's material at a point."""
    arm = point - bucket.origin
    v = bucket.v
    return wp.vec3(v[0], v[1] - v[3] * arm[2], v[2] + v[3] * arm[1])


@wp.func
def solve_touch(
    prm: Params,
    w: World,
    st: State,
    env: int,
    g: int,
    gap: wp.vec4,
    place: int,
    inv_mass: float,
    bucket: Bucket,
    h: float,
    bias_rate: float,
    warm: int,
):
    """Visit the contact of a grain with pit or bucket or, if `warm`, apply the kept impulse."""
    g0 = env * prm.max_grains
    entity = st.touch_key[place]
    motion = get_motion(st, g0, g)
    moves = is_awake(prm, motion)
    if moves or (entity >= BOX and warm == 0):
        n = xyz(gap)
        kept = xyz(motion)
        old = st.touch_p[place]
        change = old
        if warm == 0:
            radius = 0.5 * prm.diameter
            mu = w.mu_ground[env]
            u = wp.where(moves, kept, wp.vec3(0.0, 0.0, 0.0))
            limit = most_impulse(prm, w, env, inv_mass, h)
            most = wp.where(entity >= BOX, 1.0, AGAINST_PIT) * limit
            if entity >= BOX:
                mu = w.mu_soil_bucket[env]
                u -= bucket_speed(xyz(get4(st.x, g)) - radius * n, bucket)
            wanted = wanted_speed(prm, gap[3], h, bias_rate)
            new = on_cone(old - (u - wanted * n) / inv_mass, n, mu, most)
            change = new - old
            st.touch_p[place] = new
            if moves and bias_rate == 0.0:
                add_press(st, g, new)
        put_motion(st, g0, g, and4(kept + inv_mass * change, motion[3]))


@wp.func
def solve_touches(
    prm: Params,
    w: World,
    st: State,
    env: int,
    n: int,
    inv_mass: float,
    bucket: Bucket,
    h: float,
    bias_rate: float,
    warm: int,
    lane: int,
    lanes: int,
):
    """Visit the contacts of grains with pit and bucket or, if `warm`, apply their kept impulses."""
    half = st.touch_half[env]
    for i in range(lane, n, lanes):
        g = env * prm.max_grains + i
        own = (2 * env + half) * prm.max_grains + i
        for s in range(st.touch_count[own]):
            if s != st.rock_place[g]:
                gap = get4(st.touch_n, g * TOUCHES + s)
                solve_touch(prm, w, st, env, g, gap, own * TOUCHES + s, inv_mass, bucket, h, bias_rate, warm)
    wait()


@wp.func
def impulse_of_soil(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """Likewise, of the grains: the same for every lane."""
    half = st.touch_half[env]
    mine = wp.vec3(0.0, 0.0, 0.0)
    first, last = part(n, lane, lanes)
    for i in range(first, last):
        own = (2 * env + half) * prm.max_grains + i
        for s in range(own * TOUCHES, own * TOUCHES + st.touch_count[own]):
            if st.touch_key[s] >= BOX:
                mine -= st.touch_p[s]
    st.lane_force[env * lanes + lane] = mine
    wait()
    total = wp.vec3(0.0, 0.0, 0.0)
    for k in range(lanes):
        total += st.lane_force[env * lanes + k]
    wait()
    return total
