"""The contract survives its round trip exactly, and a broken one is refused with a reason."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from prpd_task.bucket import BucketGeometry
from prpd_task.contract import Contract, ContractError
from prpd_task.spec import SuccessSpec, TaskSpec

CONTRACT = Contract(
    task=TaskSpec(control_period=0.1 + 1e-16, success=SuccessSpec(clearance=1 / 3)),
    observation_low=tuple(-i / 7 for i in range(8)),
    observation_high=tuple(i / 3 for i in range(8)),
    provenance={"seed": 3, "deltas": [0.07, 0.01]},
)


def broken(**changes: object) -> str:
    return json.dumps({**json.loads(CONTRACT.to_json()), **changes})


def test_round_trip_is_exact() -> None:
    assert Contract.from_json(CONTRACT.to_json()) == CONTRACT


def test_text_spells_out_names_units_and_scale() -> None:
    data = json.loads(CONTRACT.to_json())
    assert data["observations"][3] == {
        "name": "bucket_pitch",
        "unit": "rad",
        "frame": "soil",
        "description": "pitch to which the bucket was last sent",
    }
    assert [a["scale"] for a in data["actions"]] == [0.02, 0.02, 0.02, 0.1]


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "not readable"),
        ("[]", "not readable"),
        (broken(version=99), "version 99"),
        (broken(observations=[]), "observations"),
        (broken(bucket_hash="0"), "bucket_hash"),
        (broken(actions=None), "actions"),
        (broken(observation_low=[0.0]), "observation_low"),
        (broken(task={}), "not readable"),
    ],
)
def test_a_broken_contract_is_refused(text: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        Contract.from_json(text)


def test_another_bucket_is_refused() -> None:
    CONTRACT.refuse_unless_met(bucket=BucketGeometry())
    with pytest.raises(ContractError, match="width=0.2"):
        CONTRACT.refuse_unless_met(bucket=replace(BucketGeometry(), width=0.2))
