"""Pairs in colours: those of one colour share no grain, so that lanes may visit them side by side, in any order.

A new pair gets the first colour that neither of its grains has yet, and keeps it. To find it, lanes take cells side by
side that are so far apart that their grains have no partner in common. So the colours are the same for any number of
lanes.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.lanes import tally, wait
from prpd_train.engines.warp.kernel.types import COLOURLESS, PAIR_COLOURS, ROW, Params, State

CELL_COLOURS = wp.constant(27)
"""Cells of one colour are at least three apart along an axis: what their grains touch, they do not share."""
LAST = wp.constant(int(PAIR_COLOURS) - 1)
"""The colour of pairs for which none was left: they may share grains."""


@wp.func
def own_first(colour: int, lane: int, count: int):
    """Where a lane begins among `count` pairs of a colour."""
    return wp.where(colour == LAST and lane > 0, count, lane)


@wp.func
def own_step(colour: int, lanes: int):
    """How far it is from a lane's pair to its next."""
    return wp.where(colour == LAST, 1, lanes)


@wp.func
def cell_of_colour(nx: int, ny: int, colour: int, k: int):
    """The number of the `k`-th cell of a colour; along each axis there is a multiple of three cells."""
    ax = nx // 3
    ay = ny // 3
    ix = 3 * (k % ax) + colour % 3
    iy = 3 * ((k // ax) % ay) + (colour // 3) % 3
    iz = 3 * (k // (ax * ay)) + colour // 9
    return (iz * ny + iy) * nx + ix


@wp.func
def note_taken(st: State, g0: int, i: int, afresh: int):
    """Note which colours the pairs of grain `i` have, for both grains of each. With `afresh` they have none."""
    mine = int(0)
    left = int(0)
    for place in range(i * ROW, i * ROW + st.row_count[i]):
        colour = int(st.pair_colour[place])
        if afresh == 1 or colour >= LAST:
            st.pair_colour[place] = wp.uint8(COLOURLESS)
            left = 1
        else:
            mine = mine | (1 << colour)
            wp.atomic_add(st.taken, g0 + st.pair_j[place], 1 << colour)
    wp.atomic_add(st.taken, i, mine)
    st.colourless[i] = left


@wp.func
def colour_row(st: State, g0: int, i: int):
    """Give those pairs of grain `i` a colour that have none."""
    mine = st.taken[i]
    for place in range(i * ROW, i * ROW + st.row_count[i]):
        if st.pair_colour[place] == wp.uint8(COLOURLESS):
            j = g0 + st.pair_j[place]
            others = st.taken[j]
            colour = int(0)
            while colour < LAST and ((mine | others) & (1 << colour)) != 0:
                colour += 1
            if colour < LAST:
                mine = mine | (1 << colour)
                st.taken[j] = others | (1 << colour)
            st.pair_colour[place] = wp.uint8(colour)
    st.taken[i] = mine


@wp.func
def colour_pairs(prm: Params, st: State, env: int, n: int, afresh: int, lane: int, lanes: int):
    """Colour the pairs that are new or, with `afresh`, all, and list all of them colour by colour. Their grains must be
    sorted into cells.
    """
    g0 = env * prm.max_grains
    cells = prm.nx * prm.ny * prm.nz
    k0 = env * (cells + 1)
    for i in range(lane, n, lanes):
        st.taken[g0 + i] = 0
    wait()
    for i in range(lane, n, lanes):
        note_taken(st, g0, g0 + i, afresh)
    wait()
    for cell_colour in range(CELL_COLOURS):
        for k in range(lane, cells // CELL_COLOURS, lanes):
            cell = k0 + cell_of_colour(prm.nx, prm.ny, cell_colour, k)
            for s in range(g0 + st.cell_start[cell], g0 + st.cell_start[cell + 1]):
                i = g0 + st.order[s]
                if st.colourless[i] == 1:
                    colour_row(st, g0, i)
        wait()
    list_by_colour(prm, st, env, n, lane, lanes)
    if lane == 0:
        st.pairs_coloured[env] = 1


@wp.func
def list_by_colour(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """List the places of all pairs, colour by colour."""
    g0 = env * prm.max_grains
    first = env * prm.max_contacts
    c0 = env * (PAIR_COLOURS + 1)
    for c in range(lane, PAIR_COLOURS, lanes):
        tally(st.colour_fill, c0, c, 0, True)
    wait()
    for i in range(lane, n, lanes):
        row = (g0 + i) * ROW
        for place in range(row, row + st.row_count[g0 + i]):
            tally(st.colour_fill, c0, int(st.pair_colour[place]), 1, False)
    wait()
    if lane == 0:
        total = int(0)
        for c in range(PAIR_COLOURS):
            st.colour_start[c0 + c] = total
            total += tally(st.colour_fill, c0, c, 0, False)
            tally(st.colour_fill, c0, c, 0, True)
            if total > prm.max_contacts:
                st.overflow[env] = st.overflow[env] + total - prm.max_contacts
                total = prm.max_contacts
        st.colour_start[c0 + PAIR_COLOURS] = total
    wait()
    for i in range(lane, n, lanes):
        row = (g0 + i) * ROW
        for place in range(row, row + st.row_count[g0 + i]):
            c = int(st.pair_colour[place])
            at = st.colour_start[c0 + c] + tally(st.colour_fill, c0, c, 1, False)
            if at < st.colour_start[c0 + c + 1]:
                st.by_colour[first + at] = place
    wait()
