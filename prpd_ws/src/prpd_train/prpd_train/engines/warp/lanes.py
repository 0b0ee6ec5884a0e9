"""How the lanes of an environment work together."""

from __future__ import annotations

import warp as wp

COLOURS = wp.constant(27)
"""Cells of one colour are at least three apart along an axis: what their grains touch, they do not share."""


@wp.func_native("""
#if defined(__CUDA_ARCH__)
__syncthreads();
#endif
""")
def wait():
    """Until all lanes are here; what each of them has written is then seen by all."""


@wp.func
def part(count: int, lane: int, lanes: int):
    """First and last but one of a lane's share of `count` things, in one piece."""
    size = (count + lanes - 1) // lanes
    first = wp.min(lane * size, count)
    return first, wp.min(first + size, count)


@wp.func
def cell_of_colour(nx: int, ny: int, colour: int, k: int):
    """The number of the `k`-th cell of a colour; along each axis there is a multiple of three cells."""
    ax = nx // 3
    ay = ny // 3
    ix = 3 * (k % ax) + colour % 3
    iy = 3 * ((k // ax) % ay) + (colour // 3) % 3
    iz = 3 * (k // (ax * ay)) + colour // 9
    return (iz * ny + iy) * nx + ix
