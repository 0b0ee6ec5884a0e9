"""The outer surface of a rock that is a cluster of cubes, as triangles."""

from __future__ import annotations

import numpy as np

from prpd_train.scene.spec import Rock

# Corners of each face of a unit cell, counter-clockwise seen from outside, by the direction the face looks in.
_FACES = {
    (1, 0, 0): ((1, 0, 0), (1, 1, 0), (1, 1, 1), (1, 0, 1)),
    (-1, 0, 0): ((0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0)),
    (0, 1, 0): ((0, 1, 0), (0, 1, 1), (1, 1, 1), (1, 1, 0)),
    (0, -1, 0): ((0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1)),
    (0, 0, 1): ((0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)),
    (0, 0, -1): ((0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 0)),
}


def rock_mesh(rock: Rock) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) m vertices in the rock frame and (T, 3) triangles, without the faces between two cubes of the rock."""
    filled = set(rock.cells)
    corners: list[np.ndarray] = []
    faces: list[tuple[int, int, int]] = []
    for cell in rock.cells:
        for direction, face in _FACES.items():
            if tuple(np.add(cell, direction)) not in filled:
                first = len(corners)
                corners += [np.add(cell, corner) for corner in face]
                faces += [(first, first + 1, first + 2), (first, first + 2, first + 3)]
    vertices, index = np.unique(np.array(corners), axis=0, return_inverse=True)
    centre = np.asarray(rock.cells, float).mean(0)
    return (vertices - 0.5 - centre) * rock.voxel_edge, index.reshape(-1)[np.array(faces)]
