"""The contact impulses of an environment, taken out and put back, so that a settled scene begins with its forces."""

from __future__ import annotations

from typing import Any

import numpy as np
import warp as wp

from prpd_train.engines.warp.types import ROW, Params, State


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


def take_contacts(prm: Params, st: State, env: int, grains: int) -> tuple[np.ndarray, ...]:
    """Of grains with each other (partners per grain, partners, impulses, sums), with other things, and of the rock."""
    partners = read(st.row_count, env, grains, prm.max_grains)
    used = np.arange(int(ROW)) < partners[:, None]
    places, stride = grains * int(ROW), prm.max_grains * int(ROW)
    rows = [read(array, env, places, stride).reshape(grains, int(ROW), -1)[used] for array in (st.pair_j, st.pair_p)]
    found = [partners, rows[0][:, 0], rows[1], read(st.press, env, grains, prm.max_grains)]
    for half, count, key, impulse, room in _halved(prm, st):
        at = 2 * env + int(read(half, env, 1)[0])
        n = int(read(count, at, 1)[0])
        found += [read(key, at, n, room), read(impulse, at, n, room)]
    return tuple(found)


def put_contacts(prm: Params, st: State, env: int, contacts: tuple[np.ndarray, ...]) -> None:
    """Put back what `take_contacts` found; nothing, and no contact is known."""
    partners = contacts[0] if contacts else np.zeros(prm.max_grains, np.int32)
    write(st.row_count, env, partners, prm.max_grains)
    write(st.stale, env, int(not contacts))
    write(st.changed, env, 1)
    if contacts:
        used = np.arange(int(ROW)) < partners[:, None]
        for array, value in ((st.pair_j, contacts[1][:, None]), (st.pair_p, contacts[2])):
            rows = np.zeros((len(partners), int(ROW), value.shape[1]), value.dtype)
            rows[used] = value
            write(array, env, rows.reshape(-1, *_shape(array)), prm.max_grains * int(ROW))
        write(st.press, env, contacts[3], prm.max_grains)
    others = contacts[4:] or (np.zeros(0, np.int32), np.zeros((0, 3), np.float32)) * 2
    for (half, count, key, impulse, room), keys, impulses in zip(_halved(prm, st), others[::2], others[1::2]):
        at = 2 * env + int(read(half, env, 1)[0])
        write(count, at, len(keys))
        write(key, at, keys, room)
        write(impulse, at, impulses, room)


def _shape(array: wp.array) -> tuple[int, ...]:
    return tuple(array.numpy().shape[1:]) if array.device.is_cpu else tuple(array[:1].numpy().shape[1:])


def _halved(prm: Params, st: State) -> tuple[tuple[wp.array, wp.array, wp.array, wp.array, int], ...]:
    """Which half is current, number, keys, impulses and room of grains' contacts with other things; and the rock's."""
    return (
        (st.extra_half, st.extras, st.extra_key, st.extra_p, prm.max_extras),
        (st.rock_half, st.rock_contacts, st.rock_key, st.rock_p, prm.max_rock_contacts),
    )
