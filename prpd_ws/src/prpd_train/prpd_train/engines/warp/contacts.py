"""The contact impulses of an environment, taken out and put back, so that a settled scene begins with its forces."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from prpd_train.engines.warp.kernel.types import ROW, TOUCHES, Params, State


def write(array: wp.array, env: int, value: Any, stride: int = 1) -> None:
    """Write the first entries of the slice of an environment that has `stride` of them."""
    value = np.atleast_1d(np.asarray(value))
    first = env * stride
    if array.device.is_cpu:
        array.numpy()[first : first + len(value)] = value
    elif len(value):
        array[first : first + len(value)].assign(value)


def read(array: wp.array, env: int, count: int, stride: int = 1) -> np.ndarray:
    """A copy of the first `count` entries of the slice of an environment that has `stride` of them."""
    first = env * stride
    return array[first : first + count].numpy().copy() if count else np.zeros((0, *_shape(array)), np.float32)


def with_fourth(positions: np.ndarray) -> np.ndarray:
    """(N, 4) of (N, 3), as the kernel has positions."""
    return np.column_stack([positions, np.zeros(len(positions), positions.dtype)])


def take_contacts(prm: Params, st: State, env: int, grains: int) -> tuple[np.ndarray, ...]:
    """Of grains: partners per grain, partners, impulses, sums; touches per grain, keys, impulses. Of the rock: keys,
    impulses.
    """
    rows = _taken(env, grains, prm, int(ROW), st.row_count, (st.pair_j, st.pair_p))
    half = 2 * env + int(read(st.touch_half, env, 1)[0])
    touches = _taken(half, grains, prm, int(TOUCHES), st.touch_count, (st.touch_key, st.touch_p))
    half = 2 * env + int(read(st.rock_half, env, 1)[0])
    n = int(read(st.rock_contacts, half, 1)[0])
    rock = [read(array, half, n, prm.max_rock_contacts) for array in (st.rock_key, st.rock_p)]
    return (*rows, read(st.press, env, grains, prm.max_grains), *touches, *rock)


def put_contacts(prm: Params, st: State, env: int, contacts: tuple[np.ndarray, ...]) -> None:
    """Put back what `take_contacts` found; nothing, and no contact is known."""
    write(st.stale, env, int(not contacts))
    write(st.changed, env, 1)
    if not contacts:
        none, empty = np.zeros(prm.max_grains, np.int32), np.zeros(0, np.int32)
        contacts = (none, empty, empty, none, none, empty, empty, empty, empty)
    _put(env, prm, int(ROW), st.row_count, (st.pair_j, st.pair_p), contacts[:3])
    write(st.press, env, contacts[3], prm.max_grains)
    half = 2 * env + int(read(st.touch_half, env, 1)[0])
    _put(half, prm, int(TOUCHES), st.touch_count, (st.touch_key, st.touch_p), contacts[4:7])
    half = 2 * env + int(read(st.rock_half, env, 1)[0])
    write(st.rock_contacts, half, len(contacts[7]))
    for array, values in zip((st.rock_key, st.rock_p), contacts[7:]):
        if len(values):
            write(array, half, values, prm.max_rock_contacts)


def _taken(
    at: int, grains: int, prm: Params, places: int, count: wp.array, arrays: tuple[wp.array, wp.array]
) -> list[np.ndarray]:
    """How many places of each grain are used, and what is in them: keys and impulses."""
    counts = read(count, at, grains, prm.max_grains)
    used = np.arange(places) < counts[:, None]
    kept = [read(array, at, grains * places, prm.max_grains * places) for array in arrays]
    return [counts, *(array.reshape(grains, places, -1)[used] for array in kept)]


def _put(
    at: int,
    prm: Params,
    places: int,
    count: wp.array,
    arrays: tuple[wp.array, wp.array],
    values: tuple[np.ndarray, ...],
) -> None:
    """The other way round."""
    counts, *found = values
    write(count, at, counts, prm.max_grains)
    used = np.arange(places) < counts[:, None]
    for array, value in zip(arrays, found):
        if len(value):
            rows = np.zeros((len(counts), places, value.shape[1]), value.dtype)
            rows[used] = value
            write(array, at, rows.reshape(-1, *_shape(array)), prm.max_grains * places)


def _shape(array: wp.array) -> tuple[int, ...]:
    return tuple(array.numpy().shape[1:]) if array.device.is_cpu else tuple(array[:1].numpy().shape[1:])
