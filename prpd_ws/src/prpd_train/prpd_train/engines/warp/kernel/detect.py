"""What grains touch at the beginning of a substep.

Each contact takes over its impulse of the last substep, so that a resting pile starts from the forces that carried it
before.
"""

# ruff: noqa: UP018, SIM102  (Warp takes int(0) for a variable, 0 for a constant; its `and` evaluates both sides.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.colours import own_first, own_step
from prpd_train.engines.warp.kernel.lanes import before, part, tally, wait
from prpd_train.engines.warp.kernel.motion import get_motion, put_motion
from prpd_train.engines.warp.kernel.packed import and4, get4, put4, xyz
from prpd_train.engines.warp.kernel.shapes import box_gap, in_bucket_box, pit_gap, rock_gap, turn_x
from prpd_train.engines.warp.kernel.sleep import is_awake
from prpd_train.engines.warp.kernel.types import (
    BOX,
    PAIR_COLOURS,
    ROCK,
    ROW,
    TOUCHES,
    Bucket,
    Params,
    Rock,
    State,
    World,
)


@wp.func
def detect_pair(prm: Params, st: State, g0: int, place: int, inv_mass: float, h: float):
    """Whether two grains touch, or will within the substep, with normal and gap. If so their kept impulse acts on them,
    as far as they are awake.
    """
    reach = prm.diameter + prm.skin
    margin = 0.02 * prm.diameter
    still = wp.vec3(0.0, 0.0, 0.0)
    i = place // ROW
    j = g0 + st.pair_j[place]
    mi = get_motion(st, g0, i)
    mj = get_motion(st, g0, j)
    i_moves = is_awake(prm, mi)
    j_moves = is_awake(prm, mj)
    touching = bool(False)
    contact = wp.vec4(0.0, 0.0, 0.0, 0.0)
    if i_moves or j_moves:
        d = xyz(get4(st.x, i)) - xyz(get4(st.x, j))
        dist2 = wp.dot(d, d)
        if dist2 < reach * reach:
            dist = wp.max(wp.sqrt(dist2), 1.0e-9)
            n = d / dist
            vi = wp.where(i_moves, xyz(mi), still)
            vj = wp.where(j_moves, xyz(mj), still)
            gap = dist - prm.diameter
            touching = gap + h * wp.min(wp.dot(vi - vj, n), 0.0) < margin
            contact = and4(n, gap)
        p = xyz(get4(st.pair_p, place)) * inv_mass
        if wp.length_sq(p) > 0.0:
            if touching:
                if i_moves:
                    put_motion(st, g0, i, and4(xyz(mi) + p, mi[3]))
                if j_moves:
                    put_motion(st, g0, j, and4(xyz(mj) - p, mj[3]))
            else:
                # What sleeps loses what it leaned on.
                if not i_moves:
                    put_motion(st, g0, i, and4(xyz(mi) - p, mi[3]))
                if not j_moves:
                    put_motion(st, g0, j, and4(xyz(mj) + p, mj[3]))
                put4(st.pair_p, place, wp.vec4(0.0, 0.0, 0.0, 0.0))
    return touching, contact


@wp.func
def add_contact(st: State, g0: int, place: int, contact: wp.vec4, at: int):
    """Write down a contact of two grains."""
    st.contact_pair[at] = place
    st.contact_j[at] = g0 + st.pair_j[place]
    put4(st.contact_n, at, contact)
    put4(st.contact_p, at, get4(st.pair_p, place))


@wp.func
def detect_rows(prm: Params, st: State, env: int, n: int, inv_mass: float, h: float):
    """List the contacts between grains, one grain after the other. For one lane."""
    g0 = env * prm.max_grains
    first = env * prm.max_contacts
    at = int(0)
    for i in range(g0, g0 + n):
        if st.row_active[i] == 1:
            if at + st.row_count[i] <= prm.max_contacts:
                for place in range(i * ROW, i * ROW + st.row_count[i]):
                    touching, contact = detect_pair(prm, st, g0, place, inv_mass, h)
                    if touching:
                        add_contact(st, g0, place, contact, first + at)
                        at += 1
            else:
                st.overflow[env] = st.overflow[env] + 1
    st.contact_end[env] = at


@wp.func
def detect_colours(prm: Params, st: State, env: int, inv_mass: float, h: float, lane: int, lanes: int):
    """The same colour by colour, side by side."""
    g0 = env * prm.max_grains
    first = env * prm.max_contacts
    c0 = env * (PAIR_COLOURS + 1)
    for c in range(lane, PAIR_COLOURS, lanes):
        tally(st.colour_fill, c0, c, 0, True)
    wait()
    for colour in range(PAIR_COLOURS):
        begin = st.colour_start[c0 + colour]
        end = st.colour_start[c0 + colour + 1]
        if begin < end:
            for k in range(begin + own_first(colour, lane, end), end, own_step(colour, lanes)):
                place = st.by_colour[first + k]
                touching, contact = detect_pair(prm, st, g0, place, inv_mass, h)
                if touching:
                    at = first + begin + tally(st.colour_fill, c0, colour, 1, False)
                    add_contact(st, g0, place, contact, at)
            wait()


@wp.func
def add_touch(st: State, env: int, g: int, new: int, old: int, entity: int, gap: wp.vec4, known: int):
    """Append a contact of grain `g` to its list `new`, with the impulse that it has in `old`.

    Returns which of the old ones are known, a bit for each.
    """
    count = st.touch_count[new]
    if count == TOUCHES:
        wp.atomic_add(st.overflow, env, 1)
        return known
    p = wp.vec3(0.0, 0.0, 0.0)
    for s in range(st.touch_count[old]):
        if st.touch_key[old * TOUCHES + s] == entity:
            p = st.touch_p[old * TOUCHES + s]
            known = known | (1 << s)
    st.touch_key[new * TOUCHES + count] = entity
    st.touch_p[new * TOUCHES + count] = p
    st.touch_n[g * TOUCHES + count] = gap
    st.touch_count[new] = count + 1
    return known


@wp.func
def detect_touches(
    prm: Params,
    w: World,
    st: State,
    env: int,
    n: int,
    inv_mass: float,
    rock: Rock,
    bucket: Bucket,
    lane: int,
    lanes: int,
):
    """List what grains touch besides grains, in the half that is not current; it becomes current."""
    g0 = env * prm.max_grains
    flip = 1 - st.touch_half[env]
    radius = 0.5 * prm.diameter
    near = 0.5 * prm.skin
    half = w.half[env]
    floor = w.floor[env]
    rim = w.rim[env]
    rock_reach = w.rock_radius[env] + radius + near
    margin = radius + near
    for i in range(lane, n, lanes):
        g = g0 + i
        x = xyz(get4(st.x, g))
        new = (2 * env + flip) * prm.max_grains + i
        old = (2 * env + 1 - flip) * prm.max_grains + i
        known = int(0)
        st.touch_count[new] = 0
        st.rock_place[g] = -1
        by_wall = wp.abs(x[0]) + margin > half[0] or wp.abs(x[1]) + margin > half[1]
        if x[2] - margin < floor or (by_wall and x[2] - margin < rim):
            for side in range(3):
                gap = pit_gap(x, radius, half, floor, rim, side)
                if gap[3] < near:
                    known = add_touch(st, env, g, new, old, side, gap, known)
        if prm.soil_rock == 1:
            d = x - rock.x
            if wp.dot(d, d) < rock_reach * rock_reach:
                gap = rock_gap(prm, w, env, wp.quat_rotate_inv(rock.q, d), radius)
                if gap[3] < near:
                    at = st.touch_count[new]
                    gap = and4(wp.quat_rotate(rock.q, xyz(gap)), gap[3])
                    known = add_touch(st, env, g, new, old, ROCK, gap, known)
                    if at < TOUCHES:
                        st.rock_place[g] = at
        if prm.soil_bucket == 1:
            if in_bucket_box(prm, x, margin, bucket):
                local = turn_x(x - bucket.origin, bucket.cos, -bucket.sin)
                for b in range(prm.boxes):
                    gap = box_gap(local, radius, w.box_centre[b], w.box_half[b], w.box_pitch[b])
                    if gap[3] < near:
                        gap = and4(turn_x(xyz(gap), bucket.cos, bucket.sin), gap[3])
                        known = add_touch(st, env, g, new, old, BOX + b, gap, known)
        motion = get_motion(st, g0, g)
        if not is_awake(prm, motion):
            lost = wp.vec3(0.0, 0.0, 0.0)
            for s in range(st.touch_count[old]):
                if (known & (1 << s)) == 0:
                    lost += st.touch_p[old * TOUCHES + s] * inv_mass
            # What sleeps loses what it leaned on.
            put_motion(st, g0, g, and4(xyz(motion) - lost, motion[3]))
    wait()
    if lane == 0:
        st.touch_half[env] = flip
    if prm.soil_rock == 1:
        list_by_rock(prm, st, env, n, lane, lanes)
    wait()


@wp.func
def list_by_rock(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """List the grains that touch the rock, by their numbers: a lane its part, behind those of the lanes before it."""
    g0 = env * prm.max_grains
    first, last = part(n, lane, lanes)
    count = int(0)
    for i in range(first, last):
        if st.rock_place[g0 + i] >= 0:
            count += 1
    at = before(count, lane)
    for i in range(first, last):
        if st.rock_place[g0 + i] >= 0:
            st.by_rock[g0 + at] = i
            at += 1
    if lane == lanes - 1:
        st.by_rock_count[env] = at
