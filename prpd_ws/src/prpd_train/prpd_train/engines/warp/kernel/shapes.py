"""Signed distances: sphere against pit, box and rock."""

# ruff: noqa: UP018, SIM108  (Warp takes int(0) for a variable and 0 for a constant.)

from __future__ import annotations

import warp as wp

from prpd_train.engines.warp.kernel.types import FLOOR, WALL_X, Bucket, Params, World


@wp.func
def wall_gap(x: float, z: float, half: float, rim: float, radius: float, axis: wp.vec3):
    """Normal and gap of a sphere inside the pit against the wall on its side along `axis`, rounded at the rim."""
    side = wp.where(x < 0.0, 1.0, -1.0)
    inward = half - wp.abs(x)
    above = z - rim
    n = side * axis
    gap = inward
    if above > 0.0:
        gap = wp.sqrt(inward * inward + above * above)
        n = (inward * side * axis + above * wp.vec3(0.0, 0.0, 1.0)) / wp.max(gap, 1.0e-9)
    return wp.vec4(n[0], n[1], n[2], gap - radius)


@wp.func
def pit_gap(p: wp.vec3, radius: float, half: wp.vec2, floor: float, rim: float, part: int):
    """Normal (3) and gap of a sphere against one part of the pit. The gap is large where that part is not met."""
    none = wp.vec4(0.0, 0.0, 1.0, 1.0e3)
    out_x = wp.abs(p[0]) - half[0]
    out_y = wp.abs(p[1]) - half[1]
    out = wp.max(out_x, out_y)
    if out < 0.0:
        if part == FLOOR:
            return wp.vec4(0.0, 0.0, 1.0, p[2] - floor - radius)
        if part == WALL_X:
            return wall_gap(p[0], p[2], half[0], rim, radius, wp.vec3(1.0, 0.0, 0.0))
        return wall_gap(p[1], p[2], half[1], rim, radius, wp.vec3(0.0, 1.0, 0.0))
    # In or above the ground around the pit: out by the shorter way.
    if part == FLOOR:
        if p[2] > rim - out:
            return wp.vec4(0.0, 0.0, 1.0, p[2] - rim - radius)
        # What is pressed into a wall still stands on the floor while it comes back.
        return wp.vec4(0.0, 0.0, 1.0, p[2] - floor - radius)
    if p[2] > rim - out:
        return none
    if part == WALL_X:
        if out_x < 0.0:
            return none
        return wp.vec4(wp.where(p[0] < 0.0, 1.0, -1.0), 0.0, 0.0, -out_x - radius)
    if out_y < 0.0:
        return none
    return wp.vec4(0.0, wp.where(p[1] < 0.0, 1.0, -1.0), 0.0, -out_y - radius)


@wp.func
def turn_x(v: wp.vec3, cos: float, sin: float):
    """The vector turned about x."""
    return wp.vec3(v[0], cos * v[1] - sin * v[2], sin * v[1] + cos * v[2])


@wp.func
def in_bucket_box(prm: Params, x: wp.vec3, margin: float, bucket: Bucket):
    """Whether a point is in the box around the bucket, or nearer to it than `margin`."""
    c = turn_x(x - bucket.origin, bucket.cos, -bucket.sin)
    low = prm.bucket_low
    high = prm.bucket_high
    over = c[0] > low[0] - margin and c[1] > low[1] - margin and c[2] > low[2] - margin
    return over and c[0] < high[0] + margin and c[1] < high[1] + margin and c[2] < high[2] + margin


@wp.func
def box_gap(p: wp.vec3, radius: float, centre: wp.vec3, half: wp.vec3, pitch: float):
    """Normal (3) and gap of a sphere against a box, both in the bucket frame."""
    cos = wp.cos(pitch)
    sin = wp.sin(pitch)
    q = turn_x(p - centre, cos, -sin)
    c = wp.vec3(wp.clamp(q[0], -half[0], half[0]), wp.clamp(q[1], -half[1], half[1]), wp.clamp(q[2], -half[2], half[2]))
    d = q - c
    dist = wp.length(d)
    n = wp.vec3(0.0, 0.0, 1.0)
    gap = float(0.0)
    if dist > 1.0e-9:
        n = d / dist
        gap = dist
    else:
        a = wp.vec3(half[0] - wp.abs(q[0]), half[1] - wp.abs(q[1]), half[2] - wp.abs(q[2]))
        if a[0] < a[1] and a[0] < a[2]:
            n = wp.vec3(wp.sign(q[0]), 0.0, 0.0)
            gap = -a[0]
        elif a[1] < a[2]:
            n = wp.vec3(0.0, wp.sign(q[1]), 0.0)
            gap = -a[1]
        else:
            n = wp.vec3(0.0, 0.0, wp.sign(q[2]))
            gap = -a[2]
    n = turn_x(n, cos, sin)
    return wp.vec4(n[0], n[1], n[2], gap - radius)


@wp.func
def node(w: World, first: int, k: int, x: int, y: int, z: int):
    """An entry of the distance table that begins at `first`."""
    return w.sdf[first + (x * k + y) * k + z]


@wp.func
def rock_gap(prm: Params, w: World, env: int, q: wp.vec3, radius: float):
    """Normal (3) and gap of a sphere against the rock, both in the rock frame: its distance table, trilinear."""
    k = prm.sdf_nodes
    half = w.sdf_half[env]
    if wp.max(wp.max(wp.abs(q[0]), wp.abs(q[1])), wp.abs(q[2])) > 0.999 * half:
        return wp.vec4(0.0, 0.0, 1.0, 1.0e3)
    g = (q / half + wp.vec3(1.0, 1.0, 1.0)) * (0.5 * float(k - 1))
    ix = int(g[0])
    iy = int(g[1])
    iz = int(g[2])
    fx = g[0] - float(ix)
    fy = g[1] - float(iy)
    fz = g[2] - float(iz)
    first = w.sdf_first[env]
    d000 = node(w, first, k, ix, iy, iz)
    d001 = node(w, first, k, ix, iy, iz + 1)
    d010 = node(w, first, k, ix, iy + 1, iz)
    d011 = node(w, first, k, ix, iy + 1, iz + 1)
    d100 = node(w, first, k, ix + 1, iy, iz)
    d101 = node(w, first, k, ix + 1, iy, iz + 1)
    d110 = node(w, first, k, ix + 1, iy + 1, iz)
    d111 = node(w, first, k, ix + 1, iy + 1, iz + 1)
    a00 = d000 + (d001 - d000) * fz
    a01 = d010 + (d011 - d010) * fz
    a10 = d100 + (d101 - d100) * fz
    a11 = d110 + (d111 - d110) * fz
    b0 = a00 + (a01 - a00) * fy
    b1 = a10 + (a11 - a10) * fy
    dist = b0 + (b1 - b0) * fx
    gx = b1 - b0
    gy = (a01 - a00) * (1.0 - fx) + (a11 - a10) * fx
    gz0 = (d001 - d000) * (1.0 - fy) + (d011 - d010) * fy
    gz1 = (d101 - d100) * (1.0 - fy) + (d111 - d110) * fy
    n = wp.vec3(gx, gy, gz0 * (1.0 - fx) + gz1 * fx)
    length = wp.length(n)
    if length < 1.0e-9:
        n = wp.vec3(0.0, 0.0, 1.0)
    else:
        n = n / length
    return wp.vec4(n[0], n[1], n[2], dist * w.sdf_scale[env] - radius)
