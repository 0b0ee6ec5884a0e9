"""Which grains are near each other: a counting sort into cells that wrap around, then a row of partners per grain.

The cells cover the pit; what lies outside shares the cells of the other side, which costs a few needless distance tests
and never a missed pair. If pairs go by colours, they are so wide that grains whose cells are three apart touch no grain
in common, though all may have moved a little since they were sorted: `colours.py` builds on that.

A row is made afresh only if a grain in the cells around has moved since its place was noted, so that soil at rest costs
little beside a few grains that fall. No pair is missed if no grain gets farther from its noted place than a third of
the skin: one of a pair was noted when their distance was last tested, and has moved a third since, the other, which may
have been off its place to one side then and to the other now, two thirds.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.lanes import before, in_colours, part, together, wait
from prpd_train.engines.warp.kernel.packed import and4, get4, put4, xyz
from prpd_train.engines.warp.kernel.types import COLOURLESS, ROW, Params, State


@wp.func
def wrap(value: float, cell: float, cells: int):
    """The cell along one axis; what lies beyond the last begins again at the first."""
    index = int(wp.floor(value / cell))
    # Most lie in range, and a division costs more than the question.
    if index < 0 or index >= cells:
        index = index % cells
        if index < 0:
            index += cells
    return index


@wp.func
def beside(index: int, step: int, cells: int):
    """The cell one step on along one axis; beyond an end is the other end."""
    index += step
    if index < 0:
        return index + cells
    if index >= cells:
        return index - cells
    return index


@wp.func
def cell_index(prm: Params, ix: int, iy: int, iz: int):
    """The number of a cell."""
    return (iz * prm.ny + iy) * prm.nx + ix


@wp.func
def sort_into_cells(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """Counting sort: `order` and `x_sorted` hold the grains cell by cell, `cell_start` where each cell begins there."""
    cells = prm.nx * prm.ny * prm.nz
    c0 = env * (cells + 1)
    g0 = env * prm.max_grains
    for c in range(lane, cells + 1, lanes):
        st.cell_start[c0 + c] = 0
        st.cell_fill[c0 + c] = 0
    wait()
    for i in range(lane, n, lanes):
        x = xyz(get4(st.x, g0 + i))
        c = cell_index(prm, wrap(x[0], prm.cell, prm.nx), wrap(x[1], prm.cell, prm.ny), wrap(x[2], prm.cell, prm.nz))
        st.cell_of[g0 + i] = c
        wp.atomic_add(st.cell_start, c0 + c + 1, 1)
    wait()
    # Running sums: each lane of its part, then behind those of the lanes before it.
    first, last = part(cells + 1, lane, lanes)
    total = int(0)
    for c in range(first, last):
        total += st.cell_start[c0 + c]
    total = before(total, lane)
    for c in range(first, last):
        total += st.cell_start[c0 + c]
        st.cell_start[c0 + c] = total
    wait()
    for i in range(lane, n, lanes):
        c = c0 + st.cell_of[g0 + i]
        st.order[g0 + st.cell_start[c] + wp.atomic_add(st.cell_fill, c, 1)] = i
    wait()
    # Lanes come in any order; within a cell, grains go by their numbers.
    for c in range(lane, cells, lanes):
        begin = g0 + st.cell_start[c0 + c]
        for s in range(begin + 1, g0 + st.cell_start[c0 + c + 1]):
            i = st.order[s]
            k = s
            while k > begin and st.order[wp.max(k - 1, begin)] > i:
                st.order[k] = st.order[k - 1]
                k -= 1
            st.order[k] = i
    wait()
    for s in range(lane, n, lanes):
        i = st.order[g0 + s]
        put4(st.x_sorted, g0 + s, and4(xyz(get4(st.x, g0 + i)), float(i)))
    wait()


@wp.func
def mark_moved(prm: Params, st: State, env: int, lane: int, lanes: int):
    """Mark the cells in or beside which a grain has moved since its pairs were listed."""
    cells = prm.nx * prm.ny * prm.nz
    c0 = env * (cells + 1)
    g0 = env * prm.max_grains
    # Not only those that are out of date: who is half way there would be soon.
    limit2 = wp.pow(0.9 * prm.skin / 3.0, 2.0)
    for c in range(lane, cells, lanes):
        st.cell_moved[c0 + c] = 0
    wait()
    for c in range(lane, cells, lanes):
        moved = bool(False)
        for s in range(st.cell_start[c0 + c], st.cell_start[c0 + c + 1]):
            near = get4(st.x_sorted, g0 + s)
            g = g0 + int(near[3])
            x = xyz(near)
            if wp.length_sq(x - st.x_listed[g]) > limit2:
                st.x_listed[g] = x
                moved = True
        if moved:
            ix = c % prm.nx
            iy = (c // prm.nx) % prm.ny
            iz = c // (prm.nx * prm.ny)
            for dz in range(-1, 2):
                jz = beside(iz, dz, prm.nz)
                for dy in range(-1, 2):
                    jy = beside(iy, dy, prm.ny)
                    for dx in range(-1, 2):
                        st.cell_moved[c0 + cell_index(prm, beside(ix, dx, prm.nx), jy, jz)] = 1
    wait()


@wp.func_native("""
for (int s = begin; s < end; s++) {
#if defined(__CUDA_ARCH__)
    const float4 load = reinterpret_cast<const float4*>(x_sorted.data)[s];
    const wp::vec4 near(load.x, load.y, load.z, load.w);
#else
    const wp::vec4& near = x_sorted.data[s];
#endif
    const float x = mine[0] - near[0], y = mine[1] - near[1], z = mine[2] - near[2];
    const bool found = (near[3] > mine[3]) & (x * x + y * y + z * z < reach2);
#if defined(__CUDA_ARCH__)
    if (found)
#endif
    new_j.data[row + (count < most ? count : most) * lanes] = static_cast<int>(near[3]);
    count += found;
}
return count;
""")
def scan(
    x_sorted: wp.array(dtype=wp.vec4),
    begin: int,
    end: int,
    mine: wp.vec4,
    reach2: float,
    new_j: wp.array(dtype=int),
    row: int,
    lanes: int,
    most: int,
    count: int,
) -> int:
    """Add to a row which grains of a higher number, at the places from `begin` to `end` of the order, are near; returns
    how many the row would have, of which it takes `most`.

    A CPU guesses wrong too often which are near to be asked: it writes each of them down behind the last one found.
    """


@wp.func
def find_partners(prm: Params, st: State, env: int, own: int, some: bool, new: int, lanes: int):
    """The near grains of a higher number than the one at place `own` in the order, at every place of a lane from `new`
    on, if there are to be `some`; returns how many.
    """
    c0 = env * (prm.nx * prm.ny * prm.nz + 1)
    g0 = env * prm.max_grains
    reach = prm.diameter + prm.skin
    count = int(0)
    mine = get4(st.x_sorted, g0 + own)
    x = xyz(mine)
    ix = wrap(x[0], prm.cell, prm.nx)
    iy = wrap(x[1], prm.cell, prm.ny)
    iz = wrap(x[2], prm.cell, prm.nz)
    # Cells in a row along x hold their grains one after the other: three at once but at the ends, two and one there.
    pieces = wp.where(some, wp.where(ix > 0 and ix < prm.nx - 1, 1, 2), 0)
    for dz in range(-1, 2):
        jz = beside(iz, dz, prm.nz)
        for dy in range(-1, 2):
            jy = beside(iy, dy, prm.ny)
            for piece in range(pieces):
                first = wp.max(ix - 1, 0)
                last = wp.min(ix + 1, prm.nx - 1)
                if piece == wp.where(ix == 0, 0, 1):
                    first = wp.where(ix == 0, prm.nx - 1, 0)
                    last = first
                begin = g0 + st.cell_start[c0 + cell_index(prm, first, jy, jz)]
                end = g0 + st.cell_start[c0 + cell_index(prm, last, jy, jz) + 1]
                count = scan(st.x_sorted, begin, end, mine, reach * reach, st.new_j, new, lanes, ROW, count)
            together()
    if count > ROW:
        wp.atomic_add(st.overflow, env, count - ROW)
    return wp.min(count, ROW)


@wp.func
def is_same_row(st: State, row: int, known: int, new: int, count: int, lanes: int):
    """Whether a row holds the partners of a new one already, in their order."""
    same = count == known
    for k in range(wp.min(count, known)):
        same = same and st.pair_j[row + k] == st.new_j[new + k * lanes]
    return same


@wp.func
def fill_row(prm: Params, st: State, env: int, own: int, some: bool, new: int, lanes: int):
    """List the partners of a higher number of the grain at place `own` in the order, if it is to have `some`; known
    pairs keep impulse and colour. A free row begins at `new`.
    """
    count = find_partners(prm, st, env, own, some, new, lanes)
    if not some:
        return
    g = env * prm.max_grains + st.order[env * prm.max_grains + own]
    row = g * ROW
    known = st.row_count[g]
    if is_same_row(st, row, known, new, count, lanes):
        return
    for s in range(new, new + count * lanes, lanes):
        put4(st.new_p, s, wp.vec4(0.0, 0.0, 0.0, 0.0))
        if in_colours(prm.coloured):
            st.new_colour[s] = wp.uint8(COLOURLESS)
    for place in range(row, row + known):
        j = st.pair_j[place]
        for s in range(new, new + count * lanes, lanes):
            if st.new_j[s] == j:
                put4(st.new_p, s, get4(st.pair_p, place))
                if in_colours(prm.coloured):
                    st.new_colour[s] = st.pair_colour[place]
    for k in range(count):
        s = new + k * lanes
        st.pair_j[row + k] = st.new_j[s]
        put4(st.pair_p, row + k, get4(st.new_p, s))
        if in_colours(prm.coloured):
            st.pair_colour[row + k] = st.new_colour[s]
    st.row_count[g] = count


@wp.func
def list_pairs(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """List the pairs closer than a diameter and the skin."""
    sort_into_cells(prm, st, env, n, lane, lanes)
    mark_moved(prm, st, env, lane, lanes)
    c0 = env * (prm.nx * prm.ny * prm.nz + 1)
    g0 = env * prm.max_grains
    if lane == 0:
        st.refill_count[env] = 0
    wait()
    for s in range(lane, n, lanes):
        if st.cell_moved[c0 + st.cell_of[g0 + st.order[g0 + s]]] == 1:
            st.refill[g0 + wp.atomic_add(st.refill_count, env, 1)] = s
    wait()
    count = st.refill_count[env]
    # Lanes without a grain come along: see find_partners.
    for m in range(lane, (count + lanes - 1) // lanes * lanes, lanes):
        own = st.refill[g0 + wp.min(m, count - 1)]
        fill_row(prm, st, env, own, m < count, env * lanes * (ROW + 1) + lane, lanes)
    if lane == 0:
        st.stale[env] = 0
    wait()
