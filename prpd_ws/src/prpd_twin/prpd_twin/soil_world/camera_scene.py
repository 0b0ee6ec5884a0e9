"""What the camera is told of a soil box that is set up."""

from __future__ import annotations

from prpd_train.scene.spec import SceneSpec
from prpd_twin.snapshot import Scene
from prpd_twin.soil_world.rock_mesh import rock_mesh


def camera_scene(spec: SceneSpec) -> Scene:
    """Box, walls, size of the grains and the rock's surface."""
    vertices, triangles = rock_mesh(spec.rock)
    return Scene(
        box_size=(*spec.bed.footprint, spec.bed.depth - spec.bed.surface_height),
        wall_height=spec.bed.surface_height + spec.bed.rim,
        grain_edge=spec.grains.edge,
        rock_vertices=vertices,
        rock_triangles=triangles,
    )
