"""Rocks of random shape and given volume, as closed meshes around their centre of mass."""

from __future__ import annotations

import numpy as np

from prpd_task.bucket import Box
from prpd_twin.depth_camera.raycast import box_mesh, open3d

KINDS = ("cube", "plate", "natural")


def random_rock(rng: np.random.Generator, *, kind: str, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) m and triangles (T, 3) of a rock whose volume is that of a cube of `edge` m."""
    if kind == "cube":
        x, y, z = (float(v) for v in rng.uniform(0.85, 1.15, 3))
        vertices, triangles = box_mesh([Box("rock", (0.0, 0.0, 0.0), (x, y, z))])
    elif kind == "plate":
        vertices, triangles = _bent_plate(rng)
    elif kind == "natural":
        vertices, triangles = _natural(rng)
    else:
        raise ValueError(f"rock kind {kind!r} is not known; choose one of {', '.join(KINDS)}")
    volume, centre = volume_and_centre(vertices, triangles)
    return (vertices - centre) * (edge / volume ** (1 / 3)), triangles


def cluster(centres: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Mesh of cubes of edge `spacing` m at `centres` (N, 3) m."""
    return box_mesh([Box("rock", (float(x), float(y), float(z)), (spacing,) * 3) for x, y, z in centres])


def voxelised(vertices: np.ndarray, triangles: np.ndarray, *, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """The rock as a cluster of cubes of about `spacing` m, with the same volume, around its own centre of mass."""
    low, high = vertices.min(0), vertices.max(0)
    axes = [np.arange(a + spacing / 2, b, spacing) for a, b in zip(low, high, strict=True)]
    lattice = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    o3d = open3d()
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(o3d.core.Tensor(vertices.astype(np.float32)), o3d.core.Tensor(triangles.astype(np.uint32)))
    inside = scene.compute_signed_distance(o3d.core.Tensor(lattice.astype(np.float32)), nthreads=1).numpy() < 0
    if not inside.any():
        return vertices, triangles
    scale = (volume_and_centre(vertices, triangles)[0] / (inside.sum() * spacing**3)) ** (1 / 3)
    centres = lattice[inside] - lattice[inside].mean(0)
    return cluster(centres * scale, spacing * scale)


def volume_and_centre(vertices: np.ndarray, triangles: np.ndarray) -> tuple[float, np.ndarray]:
    """m^3 and m, of a closed mesh, from the tetrahedra that its triangles span with the origin."""
    a, b, c = (vertices[triangles[:, i]] for i in range(3))
    volumes = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    return float(volumes.sum()), (volumes[:, None] * (a + b + c) / 4).sum(0) / volumes.sum()


def _bent_plate(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two slabs that share an edge, as one prism over a bent outline; the twin's are well within what is drawn."""
    bend, thickness, width = rng.uniform(0.3, 1.7), rng.uniform(0.22, 0.6), rng.uniform(0.7, 1.6)
    turn = rng.uniform(0.65, 1.5) * np.array([np.cos(bend), np.sin(bend)])
    corner = thickness * np.tan(bend / 2)
    outer = [np.array([-1.0, 0.0]), np.zeros(2), turn]
    inner = [
        np.array([-1.0, thickness]),
        np.array([-corner, thickness]),
        turn + thickness * np.array([-np.sin(bend), np.cos(bend)]),
    ]
    outline = np.array(outer + inner[::-1])
    vertices = np.concatenate([np.column_stack([outline, np.full(6, z)]) for z in (-width / 2, width / 2)])
    quads = [(0, 1, 4, 5), (1, 2, 3, 4)]
    triangles = [t for q in quads for t in ((q[0], q[2], q[1]), (q[0], q[3], q[2]))]
    triangles += [(c + 6, b + 6, a + 6) for a, b, c in triangles]
    for i in range(6):
        j = (i + 1) % 6
        triangles += [(i, j, j + 6), (i, j + 6, i + 6)]
    return vertices, np.array(triangles)


def _natural(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The convex hull of a few points on a squashed sphere: facets and edges as a broken stone has them."""
    from scipy.spatial import ConvexHull

    directions = rng.normal(size=(int(rng.integers(14, 40)), 3))
    points = directions / np.linalg.norm(directions, axis=1, keepdims=True) * rng.uniform(0.7, 1.0, 3)
    hull = ConvexHull(points)
    triangles = hull.simplices.copy()
    corner = points[triangles]
    normals = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    inward = np.einsum("ij,ij->i", normals, corner.mean(1) - points.mean(0)) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return points, triangles
