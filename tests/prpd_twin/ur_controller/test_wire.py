from __future__ import annotations

import struct

import pytest

from prpd_twin.ur_controller.variables import INPUTS, OUTPUTS, Inputs
from prpd_twin.ur_controller.wire import FORMATS, Recipe, packet, split_names, take_packets


def test_packets_come_out_whole_however_the_stream_is_cut() -> None:
    stream = packet(86, b"\x00\x02") + packet(83, b"") + packet(85, bytes(range(40)))
    for cut in range(1, 9):
        buffer, taken = bytearray(), []
        for start in range(0, len(stream), cut):
            buffer += stream[start : start + cut]
            taken += list(take_packets(buffer))
        assert taken == [(86, b"\x00\x02"), (83, b""), (85, bytes(range(40)))]
        assert not buffer


def test_a_length_that_no_packet_has_is_refused() -> None:
    with pytest.raises(ValueError, match="RTDE version 2"):
        list(take_packets(bytearray(b"\x00\x02\x55")))


@pytest.mark.parametrize("text", [b"a,b,c", b"a,b,c,", b",a,,b,c,"])
def test_name_lists_with_and_without_a_last_comma(text: bytes) -> None:
    assert split_names(text) == ["a", "b", "c"]


def test_recipe_packs_values_big_endian_in_order() -> None:
    recipe = Recipe(7, ["n", "v", "ok"], ["INT32", "VECTOR3D", "BOOL"])
    assert recipe.pack({"v": (1.0, 2.0, 3.0), "ok": True, "n": -5}) == packet(
        85, struct.pack(">Bi3d?", 7, -5, 1.0, 2.0, 3.0, True)
    )


def test_recipe_takes_short_and_long_packages_for_what_they_carry() -> None:
    recipe = Recipe(1, ["code", "x", "y"], ["INT32", "DOUBLE", "DOUBLE"])
    full = struct.pack(">idd", 24, 1.5, 2.5)
    assert recipe.unpack(full) == {"code": 24, "x": 1.5, "y": 2.5}
    assert recipe.unpack(full[:12]) == {"code": 24, "x": 1.5}
    assert recipe.unpack(full[:10]) == {"code": 24}
    assert recipe.unpack(full + b"surplus") == {"code": 24, "x": 1.5, "y": 2.5}


def test_every_variable_has_a_type_that_can_be_sent() -> None:
    assert set(OUTPUTS.values()) | set(INPUTS.values()) <= set(FORMATS)


def test_a_variable_belongs_to_the_connection_that_claimed_it_until_that_closes() -> None:
    inputs, one, other = Inputs(), object(), object()
    names = ["input_int_register_0", "input_double_register_3"]
    assert inputs.claim(one, names) == ["INT32", "DOUBLE"]
    assert inputs.claim(one, names[:1]) == ["INT32"], "the same connection may use it in several recipes"
    assert inputs.claim(other, ["input_int_register_1", *names]) == ["INT32", "IN_USE", "IN_USE"]
    assert inputs.claim(one, ["input_int_register_1"]) == ["INT32"], "a refused request must not take anything"
    inputs.values["input_int_register_0"] = 24
    inputs.release(one)
    assert inputs.claim(other, names) == ["INT32", "DOUBLE"]
    assert inputs.values["input_int_register_0"] == 24, "values outlive their owner"


def test_unknown_names_are_not_found() -> None:
    assert Inputs().claim(object(), ["input_int_register_99"]) == ["NOT_FOUND"]
