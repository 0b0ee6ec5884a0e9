"""A scripted policy as a real ONNX file: it digs where the rock is, curls, lifts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from prpd_task.contract import METADATA_KEY, Contract
from prpd_task.observation import terms
from prpd_task.spec import TaskSpec

LOW = (-0.3, -0.5, -0.2, -0.8, -0.15, -0.15, -0.15, 0.0)
HIGH = (0.3, 0.3, 0.4, 1.0, 0.15, 0.15, 0.35, 1.0)


def contract_of(task: TaskSpec | None = None) -> Contract:
    task = task or TaskSpec()
    more = len(terms(task.preset)) - len(LOW)
    return Contract(task, LOW + (-100.0,) * more, HIGH + (100.0,) * more, {"engine": "scripted", "seed": 0})


def write_policy(path: Path, matrix: np.ndarray, bias: np.ndarray, *, metadata: dict[str, str], **names: str) -> Path:
    """An ONNX file with action = clip(observation @ matrix + bias)."""
    source, result = names.get("source", "observation"), names.get("result", "action")
    nodes = [
        helper.make_node("MatMul", [source, "matrix"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Clip", ["sum", "low", "high"], [result]),
    ]
    constants = {"matrix": matrix, "bias": bias, "low": np.float32(-1), "high": np.float32(1)}
    graph = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["batch", len(matrix)])],
        [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["batch", len(bias)])],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


@pytest.fixture
def make_policy(tmp_path):
    """Writes a policy that moves the bucket towards the rock on every axis: action = 20 (rock - bucket), pitch up."""

    def make(task=None, *, name="policy.onnx", metadata=None, **names):
        contract = contract_of(task)
        count = len(contract.observation_names)
        matrix = np.zeros((count, 4))
        for axis in range(3):
            matrix[axis, axis], matrix[4 + axis, axis] = -20.0, 20.0
        bias = np.array([0.0, 0.0, 0.0, 0.3])
        props = {METADATA_KEY: contract.to_json()} if metadata is None else metadata
        return write_policy(tmp_path / name, matrix, bias, metadata=props, **names)

    return make


@pytest.fixture
def fast_task():
    """The task with few steps, for quick tests of exhaustion."""
    return replace(TaskSpec(), max_steps=6)
