"""Write a policy as ONNX with its contract inside, and prove that both came out right."""

from __future__ import annotations

import copy
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any, Dict

import numpy as np
import torch
from torch import Tensor, nn

from prpd_task.contract import METADATA_KEY, Contract
from prpd_task.errors import UserError
from prpd_train.ppo.network import ActorCritic
from prpd_train.runs.config import TrainConfig
from prpd_train.runs.files import write_atomically

ROUND_TRIP_STATES = 10_000
TOLERANCE = 1e-5
"""Largest difference of an action between torch and onnxruntime."""


class _Deployed(nn.Module):
    """The deterministic policy alone: observation in physical units to action in [-1, 1]."""

    def __init__(self, network: ActorCritic) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()

    def forward(self, observation: Tensor) -> Tensor:
        return self.network.act(observation)


def make_contract(network: ActorCritic, config: TrainConfig, provenance: Dict[str, Any]) -> Contract:
    """Of a trained network: its task, and the range of inputs that it has seen."""
    count = network.sizes[0]
    low, high = (limit[:count].tolist() for limit in (network.normaliser.low, network.normaliser.high))
    if not np.isfinite([*low, *high]).all():
        raise UserError("this policy has seen no observation yet; train it before exporting it")
    return Contract(config.env.task, tuple(low), tuple(high), provenance)


def to_onnx(network: ActorCritic, contract: Contract) -> bytes:
    """The ONNX file's content."""
    import onnx

    example = torch.zeros(2, network.sizes[0])
    # It lists, as warnings, what it would know of torchvision if that were there.
    logging.getLogger("torch.onnx._internal.exporter._registration").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about its own internals
        program = torch.onnx.export(
            _Deployed(network),
            (example,),
            input_names=["observation"],
            output_names=["action"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    model = program.model_proto
    del model.metadata_props[:]
    for node in model.graph.node:  # stack traces of the exporter: paths of a machine that no reader has
        del node.metadata_props[:]
        node.doc_string = ""
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, contract.to_json()
    onnx.checker.check_model(model)
    buffer = io.BytesIO()
    onnx.save(model, buffer)
    return buffer.getvalue()


def largest_difference(content: bytes, network: ActorCritic, contract: Contract, *, seed: int = 0) -> float:
    """Between the actions of onnxruntime and torch, over states in and around the range seen in training."""
    import onnxruntime

    rng = np.random.default_rng(seed)
    low, high = np.asarray(contract.observation_low), np.asarray(contract.observation_high)
    margin = 0.2 * (high - low)
    states = rng.uniform(low - margin, high + margin, (ROUND_TRIP_STATES, len(low))).astype(np.float32)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (actions,) = session.run(["action"], {"observation": states})
    with torch.no_grad():
        expected = network.act(torch.from_numpy(states)).numpy()
    return float(np.abs(actions - expected).max())


def export(network: ActorCritic, contract: Contract, path: Path) -> float:
    """Write `path` and, beside it, the contract as JSON; returns the largest difference of the round trip."""
    content = to_onnx(network, contract)
    difference = largest_difference(content, network, contract)
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"onnxruntime and torch differ by {difference:.2e}, more than {TOLERANCE:.0e}; the file was not written"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    text = json.dumps(json.loads(contract.to_json()), indent=2, sort_keys=True)
    write_atomically(path.with_suffix(".json"), (text + "\n").encode())
    return difference
