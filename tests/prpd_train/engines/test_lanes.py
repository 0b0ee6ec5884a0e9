"""What lanes of a GPU do side by side is apart, and in that order the soil is the same soil; tested on a CPU."""

from __future__ import annotations

import numpy as np
import pytest
import warp as wp

from prpd_task.spec import TaskSpec
from prpd_train.engines import make
from prpd_train.engines.scripted import scripted_dig
from prpd_train.engines.warp.lanes import COLOURS, cell_of_colour, part
from prpd_train.engines.warp.types import ROW
from prpd_train.scene.generator import make_scene
from prpd_train.scene.randomisation import Randomisation

TASK = TaskSpec()
START = np.array(TASK.start_pose, np.float32)


@wp.kernel
def number_cells(nx: int, ny: int, found: wp.array(dtype=int)):
    per = found.shape[0] // COLOURS
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
    cells = found.numpy().reshape(int(COLOURS), -1)
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


def test_cells_of_one_colour_share_no_grain_that_they_touch():
    """Else two lanes would change one velocity at once."""
    shared, contacts, steps = 0, 0, 0

    def watch(sim):
        nonlocal shared, contacts, steps
        steps += 1
        if steps % 4:
            return
        prm, st = sim.params, sim.data
        cells = prm.nx * prm.ny * prm.nz
        per = cells // int(COLOURS)
        numbers = wp.zeros(cells, dtype=int, device="cpu")
        wp.launch(number_cells, cells, inputs=[prm.nx, prm.ny, numbers], device="cpu")
        for env in range(sim.num_envs):
            starts = st.cell_start.numpy()[env * (cells + 1) :][: cells + 1]
            g0 = env * prm.max_grains
            order, partner = st.order.numpy()[g0:], st.pair_j.numpy()
            for colour in numbers.numpy().reshape(-1, per):
                owner_of: dict[int, int] = {}
                for cell in colour:
                    for i in order[starts[cell] : starts[cell + 1]]:
                        first, count = st.first_contact.numpy()[g0 + i], st.contacts.numpy()[g0 + i]
                        places = st.contact_pair.numpy()[first : first + count]
                        assert (places // int(ROW) == g0 + i).all()
                        contacts += count
                        for grain in [i, *partner[places]] if count else []:
                            shared += owner_of.setdefault(int(grain), int(cell)) != cell

    dig(0.02, watch, scenes=2, coloured=True, sleeping=False)
    print(f"{contacts} contacts, {shared} shared grains")
    assert contacts > 10_000 and shared == 0
