"""Which grains are near: the search through a few cells' grains, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from prpd_train.engines.warp.kernel.neighbours import scan
from prpd_train.engines.warp.kernel.types import ROW

MOST = int(ROW)
REACH = 0.3


@wp.kernel
def scan_all(
    x_sorted: wp.array(dtype=wp.vec4),
    own: int,
    middle: int,
    reach: float,
    lane: int,
    lanes: int,
    new_j: wp.array(dtype=int),
    found: wp.array(dtype=int),
):
    mine = x_sorted[own]
    count = scan(x_sorted, 0, middle, mine, reach * reach, new_j, lane, lanes, ROW, 0)
    found[0] = scan(x_sorted, middle, x_sorted.shape[0], mine, reach * reach, new_j, lane, lanes, ROW, count)


@pytest.mark.parametrize(("grains", "lane", "lanes"), [(40, 0, 1), (40, 2, 3), (400, 0, 1), (400, 1, 2)])
def test_near_grains_of_a_higher_number_are_found_in_their_order(grains, lane, lanes):
    """And those that a row has no room for are counted, and written nowhere else."""
    rng = np.random.default_rng(grains)
    x_sorted = np.column_stack([rng.random((grains, 3)), rng.permutation(grains)]).astype(np.float32)
    most = 0
    for own in range(grains):
        new_j = wp.array(np.full((MOST + 1) * lanes, -1, np.int32), device="cpu")
        found = wp.zeros(1, dtype=int, device="cpu")
        inputs = [wp.array(x_sorted, dtype=wp.vec4, device="cpu"), own, grains // 3, REACH, lane, lanes, new_j, found]
        wp.launch(scan_all, 1, inputs=inputs, device="cpu")
        near = np.linalg.norm(x_sorted[:, :3] - x_sorted[own, :3], axis=1) < REACH
        expected = x_sorted[near & (x_sorted[:, 3] > x_sorted[own, 3]), 3]
        rows = new_j.numpy().reshape(MOST + 1, lanes)
        count = int(found.numpy()[0])
        assert count == len(expected)
        assert list(rows[: min(count, MOST), lane]) == list(expected[:MOST])
        assert (np.delete(rows, lane, axis=1) == -1).all(), "the row of another lane was written to"
        most = max(most, count)
    assert (most > MOST) == (grains == 400), "rows that are too short, and only there"
