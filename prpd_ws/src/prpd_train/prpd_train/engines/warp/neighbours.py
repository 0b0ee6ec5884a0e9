"""Which grains are near each other: a counting sort into cells that wrap around, then one list of pairs.

The cells cover the pit; what lies outside shares the cells of the other side, which costs a few needless distance tests
and never a missed pair.
"""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.types import Params, State


@wp.func
def wrap(value: float, cell: float, cells: int):
    """The cell along one axis; what lies beyond the last begins again at the first."""
    index = int(wp.floor(value / cell)) % cells
    if index < 0:
        index += cells
    return index


@wp.func
def cell_index(prm: Params, ix: int, iy: int, iz: int):
    """The number of a cell."""
    return (iz * prm.ny + iy) * prm.nx + ix


@wp.func
def kept_impulse(st: State, old: int, old_first: int, i: int, j: int):
    """The impulse on `i` that the old list holds for the pair; a pair belongs to the grain of the lower number."""
    for k in range(st.pair_first[old_first + i], st.pair_first[old_first + i + 1]):
        if st.pair_j[old + k] == j:
            return st.pair_p[old + k]
    return wp.vec3(0.0, 0.0, 0.0)


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
def list_pairs(prm: Params, st: State, env: int, n: int):
    """List the pairs closer than a diameter and the skin, and carry the impulses of known pairs over."""
    sort_into_cells(prm, st, env, n)
    cells = prm.nx * prm.ny * prm.nz
    c0 = env * (cells + 1)
    g0 = env * prm.max_grains
    flip = st.flip[env]
    old = (2 * env + flip) * prm.max_pairs
    new = (2 * env + 1 - flip) * prm.max_pairs
    old_first = (2 * env + flip) * (prm.max_grains + 1)
    new_first = (2 * env + 1 - flip) * (prm.max_grains + 1)
    reach = prm.diameter + prm.skin
    pairs = int(0)
    for i in range(n):
        st.pair_first[new_first + i] = pairs
        x = st.x[g0 + i]
        st.x_listed[g0 + i] = x
        ix = wrap(x[0], prm.cell, prm.nx)
        iy = wrap(x[1], prm.cell, prm.ny)
        iz = wrap(x[2], prm.cell, prm.nz)
        for dz in range(-1, 2):
            jz = (iz + dz + prm.nz) % prm.nz
            for dy in range(-1, 2):
                jy = (iy + dy + prm.ny) % prm.ny
                for dx in range(-1, 2):
                    jx = (ix + dx + prm.nx) % prm.nx
                    c = c0 + cell_index(prm, jx, jy, jz)
                    for s in range(st.cell_start[c], st.cell_start[c + 1]):
                        j = st.order[g0 + s]
                        if j > i:
                            d = x - st.x[g0 + j]
                            if wp.dot(d, d) < reach * reach:
                                if pairs < prm.max_pairs:
                                    st.pair_i[new + pairs] = i
                                    st.pair_j[new + pairs] = j
                                    st.pair_p[new + pairs] = kept_impulse(st, old, old_first, i, j)
                                    pairs += 1
                                else:
                                    st.overflow[env] = st.overflow[env] + 1
    for i in range(n, prm.max_grains + 1):
        st.pair_first[new_first + i] = pairs
    st.flip[env] = 1 - flip
    st.stale[env] = 0
