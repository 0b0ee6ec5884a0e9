from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from prpd_task.contract import Contract, ContractError
from prpd_task.errors import UserError
from prpd_train.evaluate.matrix import environment, subjects
from prpd_train.export.card import model_card, read_evaluation
from prpd_train.export.onnx_file import export, make_contract
from prpd_train.export.read import read_contract
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.stage import make_network

CONFIG = TrainConfig()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    net = make_network(CONFIG)
    with torch.no_grad():
        net.actor[-1].weight.mul_(100)
    rows = torch.randn(500, 8) * torch.tensor([0.1, 0.1, 0.1, 0.4, 0.03, 0.03, 0.03, 0.5])
    net.observe(rows, torch.randn(500, net.sizes[1]))
    return net


@pytest.fixture(scope="module")
def exported(tmp_path_factory, network):
    """A file, its contract, and by how much it differs from the network."""
    path = tmp_path_factory.mktemp("export") / "policy.onnx"
    contract = make_contract(network, CONFIG, {"seed": 0, "stages": [{"delta": 0.07, "success": 0.1 + 0.2}]})
    return path, contract, export(network, contract, path)


def test_the_file_computes_what_torch_computes_and_carries_its_contract(exported, network):
    import onnxruntime

    path, contract, difference = exported
    assert difference <= 1e-5
    assert read_contract(path) == contract
    assert json.loads(path.with_suffix(".json").read_text()) == json.loads(contract.to_json())
    session = onnxruntime.InferenceSession(str(path))
    assert session.get_inputs()[0].shape[1] == 8
    row = np.array([[0.0, -0.2, 0.1, 0.0, 0.0, 0.0, -0.02, 0.0]], np.float32)
    for batch in (row, np.repeat(row, 5, axis=0)):
        (action,) = session.run(["action"], {"observation": batch})
        np.testing.assert_allclose(action, network.act(torch.from_numpy(batch)).detach().numpy(), atol=1e-5)
    (extreme,) = session.run(["action"], {"observation": 100 * row})
    assert np.abs(extreme).max() <= 1.0


def test_the_file_holds_no_path_of_this_machine(exported):
    content = exported[0].read_bytes()
    assert b".py" not in content and b"site-packages" not in content


def test_subjects_of_a_file_answer_like_the_network(exported, network):
    (subject,) = subjects(exported[0])
    rows = torch.randn(20, 8) * 0.1
    torch.testing.assert_close(subject.act(rows), network.act(rows), atol=1e-5, rtol=0)
    assert environment(subject.contract, engine="warp", randomised=True).scene == "paper"


def test_a_network_that_saw_nothing_is_not_exported():
    with pytest.raises(UserError, match="train it"):
        make_contract(make_network(CONFIG), CONFIG, {})


def test_files_that_are_no_policy_are_named(tmp_path, network):
    path = tmp_path / "policy.onnx"
    with pytest.raises(UserError, match="no policy file"):
        read_contract(path)
    path.write_bytes(b"no onnx")
    with pytest.raises(UserError, match="damaged"):
        read_contract(path)


def test_a_contract_of_another_bucket_is_refused(network):
    contract = make_contract(network, CONFIG, {})
    other = type(contract.task.bucket)(shape="solid")
    with pytest.raises(ContractError, match="mount that bucket"):
        contract.refuse_unless_met(bucket=other)
    assert Contract.from_json(contract.to_json()) == contract


def test_the_model_card_shows_the_evaluation(tmp_path, network):
    table = tmp_path / "table.csv"
    table.write_text(
        "policy,engine,delta,randomised,rocks,episodes,successes,success,low,high,length,peak_force,seconds\n"
        "paper,physx,0.03,True,plate,24,24,1.0,0.862,1.0,35.5,1814.5,3.0\n"
    )
    contract = make_contract(
        network,
        CONFIG,
        {"engine": "warp", "stages": [{"delta": 0.07, "success": 0.985, "samples": 178176, "seconds": 65}]},
    )
    card = model_card("paper", contract, read_evaluation(table))
    assert "| physx | 30 mm | plate | True | 24 | 1.000 | 0.862 to 1.000 |" in card
    assert "| 0 | 70 mm | 0.985 | 178,176 | 65 |" in card
    table.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="prpd evaluate"):
        read_evaluation(table)
