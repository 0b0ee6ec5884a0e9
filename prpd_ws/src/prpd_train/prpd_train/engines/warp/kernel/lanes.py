"""How the lanes of an environment work together."""

from __future__ import annotations

import math

import warp as wp

MOST_LANES = 256
"""Threads of a GPU that share an environment at most, and"""
RESIDENT = 4
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


@wp.func_native("""
#if defined(__CUDA_ARCH__)
return 32;
#else
return 1;
#endif
""")
def crew() -> int:
    """How many lanes, the first ones, can tell each other things without a wait."""


@wp.func_native("""
#if defined(__CUDA_ARCH__)
const unsigned all = 0xffffffff;
return wp::vec3(
    __shfl_sync(all, value[0], lane), __shfl_sync(all, value[1], lane), __shfl_sync(all, value[2], lane));
#else
return value;
#endif
""")
def of_crew(value: wp.vec3, lane: int) -> wp.vec3:
    """What `lane` has, for all of the crew."""


@wp.func_native("""
#if defined(__CUDA_ARCH__)
__shared__ int counts[32];
if (anew) counts[slot] = 0;
return more == 0 ? counts[slot] : atomicAdd(&counts[slot], more);
#else
int& count = kept.data[first + slot];
if (anew) count = 0;
int old = count;
count += more;
return old;
#endif
""")
def tally(kept: wp.array(dtype=int), first: int, slot: int, more: int, anew: bool) -> int:
    """One of a few counters that lanes share: adds `more` to it, from 0 if `anew`; returns how much it was before.

    A GPU has them near its processor instead of in `kept`, from `first` on.
    """


@wp.func
def part(count: int, lane: int, lanes: int):
    """First and last but one of a lane's share of `count` things, in one piece."""
    size = (count + lanes - 1) // lanes
    first = wp.min(lane * size, count)
    return first, wp.min(first + size, count)


@wp.func_native("""
#if defined(__CUDA_ARCH__)
__syncwarp();
#endif
""")
def together():
    """Until the lanes of a warp, all of which must come here, go on side by side after each went its own way."""


@wp.func_native("""
#if defined(__CUDA_ARCH__)
__shared__ int of_warps[32];
int sum = mine;
for (int step = 1; step < 32; step *= 2) {
    int other = __shfl_up_sync(0xffffffff, sum, step);
    if (lane % 32 >= step) sum += other;
}
if (lane % 32 == 31) of_warps[lane / 32] = sum;
__syncthreads();
int total = sum - mine;
for (int warp = 0; warp < lane / 32; warp++) total += of_warps[warp];
__syncthreads();
return total;
#else
return 0;
#endif
""")
def before(mine: int, lane: int) -> int:
    """How many things the lanes before this one have together; its own are `mine`. All lanes wait for each other."""


@wp.func_native("""
#if defined(__CUDA_ARCH__)
return true;
#else
return coloured == 1;
#endif
""")
def in_colours(coloured: int) -> bool:
    """Whether pairs are visited colour by colour: on a GPU always, which need not load the code for the other way."""
