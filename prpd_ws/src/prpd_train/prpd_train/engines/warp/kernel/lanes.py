"""How the lanes of an environment work together."""

# ruff: noqa: UP018  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import math

import warp as wp

MOST_LANES = 512
"""Threads of a GPU that share an environment at most, and"""
RESIDENT = 2
"""how many such environments one of its processors is to hold at a time, which leaves 64 registers for a thread."""


def lanes_for(grains: int) -> int:
    """Lanes for an environment: one for every four grains or so, a power of two, as many threads as a GPU likes."""
    return min(MOST_LANES, max(64, 2 ** math.ceil(math.log2(max(grains, 1) / 4))))


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
def before(sums: wp.array(dtype=int), env: int, mine: int, lane: int, lanes: int):
    """How many things the lanes before this one have together. Its own are `mine`; `sums` has a place for each lane."""
    sums[env * lanes + lane] = mine
    wait()
    total = int(0)
    for k in range(lane):
        total += sums[env * lanes + k]
    return total


@wp.func_native("""
#if defined(__CUDA_ARCH__)
return true;
#else
return coloured == 1;
#endif
""")
def in_colours(coloured: int) -> bool:
    """Whether pairs are visited colour by colour: on a GPU always, which need not load the code for the other way."""
