"""How the lanes of an environment work together."""

from __future__ import annotations

import warp as wp

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


@wp.func_native("""
#if defined(__CUDA_ARCH__)
return true;
#else
return coloured == 1;
#endif
""")
def in_colours(coloured: int) -> bool:
    """Whether pairs are visited colour by colour: on a GPU always, which need not load the code for the other way."""
