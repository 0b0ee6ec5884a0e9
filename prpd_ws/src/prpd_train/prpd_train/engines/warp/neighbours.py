"""Which grains are near each other: a counting sort into cells that wrap around, then a row of partners per grain.

The cells cover the pit; what lies outside shares the cells of the other side, which costs a few needless distance tests
and never a missed pair.

A row is made afresh only if a grain in the cells around has moved since its place was noted, so that soil at rest costs
little beside a few grains that fall. No pair is missed if no grain gets farther from its noted place than a third of
the skin: one of a pair was noted when their distance was last tested, and has moved a third since, the other, which may
have been off its place to one side then and to the other now, two thirds.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.types import ROW, Params, State


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
def sort_into_cells(prm: Params, st: State, env: int, n: int):
    """Counting sort: `order` holds the grains cell by cell, `cell_start` where each cell begins in it."""
    cells = prm.nx * prm.ny * prm.nz
    c0 = env * (cells + 1)
    g0 = env * prm.max_grains
    for c in range(cells + 1):
        st.cell_start[c0 + c] = 0
    for i in range(n):
        x = st.x[g0 + i]
        c = cell_index(prm, wrap(x[0], prm.cell, prm.nx), wrap(x[1], prm.cell, prm.ny), wrap(x[2], prm.cell, prm.nz))
        st.cell_of[g0 + i] = c
        st.cell_start[c0 + c + 1] = st.cell_start[c0 + c + 1] + 1
    for c in range(cells):
        st.cell_start[c0 + c + 1] = st.cell_start[c0 + c + 1] + st.cell_start[c0 + c]
    # Filling from the back turns the starts into themselves again without a second counter.
    for r in range(n):
        i = n - 1 - r
        c = st.cell_of[g0 + i]
        end = st.cell_start[c0 + c + 1] - 1
        st.cell_start[c0 + c + 1] = end
        st.order[g0 + end] = i
    for c in range(cells):
        st.cell_start[c0 + c] = st.cell_start[c0 + c + 1]
    st.cell_start[c0 + cells] = n


@wp.func
def mark_moved(prm: Params, st: State, env: int, n: int):
    """Mark the cells in or beside which a grain has moved since its pairs were listed."""
    cells = prm.nx * prm.ny * prm.nz
    c0 = env * (cells + 1)
    g0 = env * prm.max_grains
    # Not only those that are out of date: who is half way there would be soon.
    limit2 = wp.pow(0.9 * prm.skin / 3.0, 2.0)
    for c in range(cells):
        st.cell_moved[c0 + c] = 0
    for iz in range(prm.nz):
        for iy in range(prm.ny):
            for ix in range(prm.nx):
                c = c0 + cell_index(prm, ix, iy, iz)
                moved = bool(False)
                for s in range(st.cell_start[c], st.cell_start[c + 1]):
                    g = g0 + st.order[g0 + s]
                    if wp.length_sq(st.x[g] - st.x_listed[g]) > limit2:
                        st.x_listed[g] = st.x[g]
                        moved = True
                if moved:
                    for dz in range(-1, 2):
                        jz = beside(iz, dz, prm.nz)
                        for dy in range(-1, 2):
                            jy = beside(iy, dy, prm.ny)
                            for dx in range(-1, 2):
                                st.cell_moved[c0 + cell_index(prm, beside(ix, dx, prm.nx), jy, jz)] = 1


@wp.func
def fill_row(prm: Params, st: State, env: int, i: int):
    """List the partners of a higher number of grain `i`, and keep the impulses of known pairs."""
    c0 = env * (prm.nx * prm.ny * prm.nz + 1)
    g0 = env * prm.max_grains
    reach = prm.diameter + prm.skin
    old = env * ROW
    row = (g0 + i) * ROW
    known = st.row_count[g0 + i]
    for s in range(known):
        st.old_j[old + s] = st.pair_j[row + s]
        st.old_p[old + s] = st.pair_p[row + s]
    count = int(0)
    x = st.x[g0 + i]
    ix = wrap(x[0], prm.cell, prm.nx)
    iy = wrap(x[1], prm.cell, prm.ny)
    iz = wrap(x[2], prm.cell, prm.nz)
    # Cells in a row along x hold their grains one after the other: three at once but at the ends.
    inside = ix > 0 and ix < prm.nx - 1
    for dz in range(-1, 2):
        jz = beside(iz, dz, prm.nz)
        for dy in range(-1, 2):
            jy = beside(iy, dy, prm.ny)
            for part in range(wp.where(inside, 1, 3)):
                first = wp.where(inside, ix - 1, beside(ix, part - 1, prm.nx))
                last = wp.where(inside, ix + 1, first)
                begin = st.cell_start[c0 + cell_index(prm, first, jy, jz)]
                for s in range(begin, st.cell_start[c0 + cell_index(prm, last, jy, jz) + 1]):
                    j = st.order[g0 + s]
                    if j > i:
                        d = x - st.x[g0 + j]
                        if wp.dot(d, d) < reach * reach:
                            if count < ROW:
                                p = wp.vec3(0.0, 0.0, 0.0)
                                for k in range(known):
                                    if st.old_j[old + k] == j:
                                        p = st.old_p[old + k]
                                st.pair_j[row + count] = j
                                st.pair_p[row + count] = p
                                count += 1
                            else:
                                st.overflow[env] = st.overflow[env] + 1
    st.row_count[g0 + i] = count


@wp.func
def list_pairs(prm: Params, st: State, env: int, n: int):
    """List the pairs closer than a diameter and the skin."""
    sort_into_cells(prm, st, env, n)
    mark_moved(prm, st, env, n)
    c0 = env * (prm.nx * prm.ny * prm.nz + 1)
    g0 = env * prm.max_grains
    for i in range(n):
        if st.cell_moved[c0 + st.cell_of[g0 + i]] == 1:
            fill_row(prm, st, env, i)
    st.stale[env] = 0
    st.changed[env] = 1
