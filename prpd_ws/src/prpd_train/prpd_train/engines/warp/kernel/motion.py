"""The motion of grains, which a visit to any contact reads and writes: a GPU keeps it near its processor for a step."""

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.lanes import wait
from prpd_train.engines.warp.kernel.packed import get4, put4
from prpd_train.engines.warp.kernel.types import Params, State


@wp.func_native("""
#if defined(__CUDA_ARCH__)
constexpr int most = 2816;
__shared__ float4 near[most];
const int i = g - g0;
float4 found = make_float4(value[0], value[1], value[2], value[3]);
if (i < most) {
    if (write) near[i] = found; else found = near[i];
} else {
    float4* far = reinterpret_cast<float4*>(motion.data) + g;
    if (write) *far = found; else found = *far;
}
return wp::vec4(found.x, found.y, found.z, found.w);
#else
if (write) motion.data[g] = value;
return motion.data[g];
#endif
""")
def access(motion: wp.array(dtype=wp.vec4), g0: int, g: int, value: wp.vec4, write: bool) -> wp.vec4:
    """The motion of grain `g`, after it is set to `value` if told to `write`.

    The environment's grains begin at `g0`; as many of them as there is room for are kept near the processor.
    """


@wp.func
def get_motion(st: State, g0: int, g: int):
    """The motion of grain `g` of the environment whose grains begin at `g0`."""
    return access(st.motion, g0, g, wp.vec4(0.0, 0.0, 0.0, 0.0), False)


@wp.func
def put_motion(st: State, g0: int, g: int, motion: wp.vec4):
    """Set it."""
    access(st.motion, g0, g, motion, True)


@wp.func
def bring_motion(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """Bring it near the processor, before it is asked for."""
    g0 = env * prm.max_grains
    for i in range(lane, n, lanes):
        put_motion(st, g0, g0 + i, get4(st.motion, g0 + i))
    wait()


@wp.func
def leave_motion(prm: Params, st: State, env: int, n: int, lane: int, lanes: int):
    """Back to where it is for good."""
    g0 = env * prm.max_grains
    for i in range(lane, n, lanes):
        put4(st.motion, g0 + i, get_motion(st, g0, g0 + i))
