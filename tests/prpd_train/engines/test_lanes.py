"""What lanes of a GPU do side by side is apart, and in that order the soil is the same soil; tested on a CPU."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import warp as wp

from prpd_task.spec import TaskSpec
from prpd_train.engines import make
from prpd_train.engines.scripted import scripted_dig
from prpd_train.engines.warp.kernel.colours import CELL_COLOURS, cell_of_colour
from prpd_train.engines.warp.kernel.lanes import lanes_for, part
from prpd_train.engines.warp.kernel.types import PAIR_COLOURS, ROW
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

TASK = TaskSpec()
START = np.array(TASK.start_pose, np.float32)
COLOURS = int(PAIR_COLOURS)


@wp.kernel
def number_cells(nx: int, ny: int, found: wp.array(dtype=int)):
    per = found.shape[0] // CELL_COLOURS
    found[wp.tid()] = cell_of_colour(nx, ny, wp.tid() // per, wp.tid() % per)


@wp.kernel
def divide(count: int, lanes: int, found: wp.array(dtype=int)):
    first, last = part(count, wp.tid(), lanes)
    for k in range(first, last):
        found[k] = found[k] + 1


def test_colours_hold_every_cell_once_and_keep_cells_apart():
    nx, ny, nz = 6, 9, 3
    found = wp.zeros(nx * ny * nz, dtype=int, device="cpu")
    wp.launch(number_cells, len(found), inputs=[nx, ny, found], device="cpu")
    cells = found.numpy().reshape(int(CELL_COLOURS), -1)
    assert sorted(cells.ravel()) == list(range(nx * ny * nz))
    places = np.stack([cells % nx, cells // nx % ny, cells // (nx * ny)], -1)
    assert (np.ptp(places % 3, axis=1) == 0).all()


@pytest.mark.parametrize(("count", "lanes"), [(10, 3), (3, 8), (64, 64), (0, 4), (65, 64)])
def test_parts_cover_everything_once(count, lanes):
    found = wp.zeros(max(count, 1), dtype=int, device="cpu")
    wp.launch(divide, lanes, inputs=[count, lanes, found], device="cpu")
    assert (found.numpy()[:count] == 1).all()


def dig(delta, watch=None, scenes=6, **options):
    specs = [make_scene(delta, seed=seed, randomisation=Randomisation()) for seed in range(scenes)]
    sim = make("warp", specs, **options)
    sim.reset(range(len(specs)), specs, np.tile(START, (len(specs), 1)))
    forces = []

    def look(step, state):
        forces.append(np.linalg.norm(state.bucket_force, axis=1))
        if watch:
            watch(sim)

    excavated = scripted_dig(sim, TASK, look)
    assert sim.data.overflow.numpy().sum() == 0
    sim.close()
    return excavated, np.max(forces, axis=0)


@pytest.mark.parametrize("delta", [0.07, 0.03, 0.02])
def test_the_order_of_the_colours_digs_as_well(delta):
    plain, force = dig(delta)
    coloured, force_coloured = dig(delta, coloured=True)
    print("greatest forces, N:", force.round(1), force_coloured.round(1))
    assert plain.all() and coloured.all()
    assert force_coloured.mean() == pytest.approx(force.mean(), rel=0.25)


def test_pairs_of_one_colour_share_no_grain():
    """Else two lanes would change one velocity at once. And none is left out, or listed twice."""
    pairs, colours, steps = 0, 0, 0

    def watch(sim):
        nonlocal pairs, colours, steps
        steps += 1
        if steps % 4:
            return
        prm, st = sim.params, sim.data
        for env in range(sim.num_envs):
            g0 = env * prm.max_grains
            starts = st.colour_start.numpy()[env * (COLOURS + 1) :][: COLOURS + 1]
            listed = st.by_colour.numpy()[env * prm.max_contacts :][: starts[-1]]
            rows = st.row_count.numpy()[g0 : g0 + prm.max_grains]
            places = [(g0 + i) * int(ROW) + k for i, count in enumerate(rows) for k in range(count)]
            assert sorted(listed) == places
            for colour, (begin, end) in enumerate(itertools.pairwise(starts)):
                own = listed[begin:end]
                grains = np.concatenate([own // int(ROW), g0 + st.pair_j.numpy()[own]])
                assert len(set(grains)) == len(grains), f"colour {colour} has a grain twice"
                assert colour < COLOURS - 1 or not len(own), "pairs were left over"
                first = env * prm.max_contacts + begin
                touching = st.contact_pair.numpy()[first : first + st.colour_fill.numpy()[env * (COLOURS + 1) + colour]]
                assert set(touching) <= set(own)
                pairs += len(own)
                colours = max(colours, colour + 1 if len(own) else 0)

    dig(0.02, watch, scenes=2, coloured=True, sleeping=False)
    print(f"{pairs} pairs in at most {colours} colours")
    assert pairs > 10_000


def test_lanes_are_as_many_as_there_is_work_for():
    assert [lanes_for(grains) for grains in (0, 1, 256, 257, 1900, 40_000)] == [64, 64, 64, 128, 256, 256]
