"""Vectors of four numbers: a GPU reads and writes them as fast as one, if it is told that they are in one piece."""

from __future__ import annotations

import warp as wp


@wp.func_native("""
#if defined(__CUDA_ARCH__)
float4 value = reinterpret_cast<const float4*>(array.data)[index];
return wp::vec4(value.x, value.y, value.z, value.w);
#else
return array.data[index];
#endif
""")
def get4(array: wp.array(dtype=wp.vec4), index: int) -> wp.vec4:
    """An entry of an array, at once."""


@wp.func_native("""
#if defined(__CUDA_ARCH__)
reinterpret_cast<float4*>(array.data)[index] = make_float4(value[0], value[1], value[2], value[3]);
#else
array.data[index] = value;
#endif
""")
def put4(array: wp.array(dtype=wp.vec4), index: int, value: wp.vec4):
    """Write an entry of an array, at once."""


@wp.func
def xyz(v: wp.vec4):
    """The first three of four."""
    return wp.vec3(v[0], v[1], v[2])


@wp.func
def and4(v: wp.vec3, fourth: float):
    """Three and a fourth."""
    return wp.vec4(v[0], v[1], v[2], fourth)
