import json
from dataclasses import replace

import numpy as np
import onnx
import pytest

from prpd_control.policy.runtime import Policy, PolicyError, range_violation, worst_input
from prpd_task.bucket import BucketGeometry
from prpd_task.contract import METADATA_KEY, ContractError
from prpd_task.spec import TaskSpec


def test_it_acts_as_the_file_says_and_knows_its_contract(make_policy):
    policy = Policy.load(make_policy(), bucket=BucketGeometry())
    decision = policy.act(np.array([0.0, -0.2, 0.1, 0.0, 0.01, 0.0, -0.02, 0.0]))
    np.testing.assert_allclose(decision.action, [0.2, 1.0, -1.0, 0.3], atol=1e-6)
    assert 0 < decision.inference_time < 1
    assert policy.contract.task == TaskSpec()
    assert len(policy.digest) == 64


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PolicyError, match=r"no policy file .*nowhere\.onnx"):
        Policy.load(tmp_path / "nowhere.onnx")


def test_a_file_that_is_no_onnx_is_refused(tmp_path):
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(PolicyError, match="not a readable ONNX file"):
        Policy.load(tmp_path / "text.onnx")


def test_a_policy_without_contract_is_refused(make_policy):
    with pytest.raises(ContractError, match=r"prpd\.contract"):
        Policy.load(make_policy(metadata={}))


def test_a_contract_of_another_version_is_refused(make_policy):
    content = onnx.load(make_policy()).metadata_props[0].value
    changed = json.dumps({**json.loads(content), "version": 99})
    with pytest.raises(ContractError, match="version 99"):
        Policy.load(make_policy(metadata={METADATA_KEY: changed}))


def test_another_bucket_is_refused(make_policy):
    with pytest.raises(ContractError, match="trained with bucket"):
        Policy.load(make_policy(), bucket=BucketGeometry(width=0.2))


def test_a_rate_that_the_driver_cannot_follow_is_refused(make_policy):
    with pytest.raises(ContractError, match=r"acts every 0\.01 s"):
        Policy.load(make_policy(replace(TaskSpec(), control_period=0.01)))


@pytest.mark.parametrize("names", [{"source": "obs"}, {"result": "mean"}])
def test_other_input_or_output_names_are_refused(make_policy, names):
    with pytest.raises(PolicyError, match="needs one float32"):
        Policy.load(make_policy(**names))


@pytest.mark.parametrize("observation", [np.zeros(7), np.full(8, np.nan)])
def test_an_observation_that_is_no_observation_is_refused(make_policy, observation):
    with pytest.raises(PolicyError, match="8 finite inputs"):
        Policy.load(make_policy()).act(observation)


def test_range_violation_is_in_widths_of_the_training_range(make_policy):
    contract = Policy.load(make_policy()).contract
    low, high = np.array(contract.observation_low), np.array(contract.observation_high)
    middle = (low + high) / 2
    assert range_violation(contract, middle) == 0
    assert range_violation(contract, high) == 0
    outside = middle.copy()
    outside[5] = high[5] + 0.25 * (high[5] - low[5])
    assert range_violation(contract, outside) == pytest.approx(0.25)
    assert worst_input(contract, outside).startswith("rock_y = 0.225")
