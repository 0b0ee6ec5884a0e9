"""An exported policy (ONNX) and its contract, ready to act on one observation at a time."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.contract import METADATA_KEY, Contract, ContractError
from prpd_task.errors import UserError

FASTEST_PERIOD, SLOWEST_PERIOD = 0.05, 0.2
"""s: control periods that bucket driver and perception keep up with (5 to 20 Hz)."""


class PolicyError(UserError):
    """A policy file that cannot be run, or a policy that gave an answer that cannot be used."""


@dataclass(frozen=True)
class Decision:
    """One answer of a policy."""

    action: np.ndarray
    """(4,) in [-1, 1]."""
    inference_time: float
    """s."""


class Policy:
    """One loaded policy. Not thread-safe: one owner."""

    def __init__(self, session: Any, *, contract: Contract, path: Path, digest: str) -> None:
        self._session = session
        self.contract = contract
        self.path = path
        self.digest = digest
        """SHA-256 of the file, hexadecimal."""

    @classmethod
    def load(cls, path: str | Path, *, bucket: BucketGeometry | None = None) -> Policy:
        """Load and prove a policy, or raise `PolicyError` / `ContractError` saying what is wrong with it.

        With `bucket` given (the one that is mounted), a policy trained with another one is refused.
        """
        import onnxruntime

        path = Path(path).expanduser()
        if not path.is_file():
            raise PolicyError(f"there is no policy file {path}; give the path of an ONNX file made by `prpd export`")
        content = path.read_bytes()
        options = onnxruntime.SessionOptions()
        # A policy is tiny: more threads would only wait for each other, and steal the driver's core while they spin.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise PolicyError(f"{path} is not a readable ONNX file ({error}); export the policy again") from error
        metadata = session.get_modelmeta().custom_metadata_map
        if METADATA_KEY not in metadata:
            raise ContractError(f"{path} has no {METADATA_KEY!r} in its metadata; export it with `prpd export`")
        contract = Contract.from_json(metadata[METADATA_KEY])
        if bucket is not None:
            contract.refuse_unless_met(bucket=bucket)
        period = contract.task.control_period
        if not FASTEST_PERIOD <= period <= SLOWEST_PERIOD:
            raise ContractError(
                f"{path} acts every {period} s; the bucket driver is made for {FASTEST_PERIOD} to {SLOWEST_PERIOD} s"
            )
        _refuse_wrong_shapes(session, path, inputs=len(contract.observation_names))
        policy = cls(session, contract=contract, path=path, digest=hashlib.sha256(content).hexdigest())
        # The first run of a session allocates; it also proves that the graph gives usable numbers at all.
        middle = (np.asarray(contract.observation_low) + np.asarray(contract.observation_high)) / 2
        policy.act(middle)
        return policy

    def act(self, observation: np.ndarray) -> Decision:
        """The action for one observation (n,), in the contract's order and units."""
        count = len(self.contract.observation_names)
        row = np.ascontiguousarray(observation, np.float32).reshape(1, -1)
        if row.shape[1] != count or not np.isfinite(row).all():
            raise PolicyError(f"the policy needs {count} finite inputs, not {np.asarray(observation).tolist()}")
        start = time.perf_counter()
        (output,) = self._session.run(["action"], {"observation": row})
        elapsed = time.perf_counter() - start
        action = np.asarray(output[0], float)
        if not np.isfinite(action).all():
            raise PolicyError(f"the policy {self.path} answered {action.tolist()} to {row[0].tolist()}")
        return Decision(np.clip(action, -1.0, 1.0), elapsed)


def range_violation(contract: Contract, observation: np.ndarray) -> float:
    """How far the worst input lies outside the range seen in training: 0 inside, 1 one full range outside."""
    low, high = np.asarray(contract.observation_low), np.asarray(contract.observation_high)
    outside = np.maximum(low - observation, observation - high)
    return float(max(0.0, np.max(outside / np.maximum(high - low, 1e-6))))


def worst_input(contract: Contract, observation: np.ndarray) -> str:
    """For people: the input furthest outside its range, with its value and the range."""
    low, high = np.asarray(contract.observation_low), np.asarray(contract.observation_high)
    i = int(np.argmax(np.maximum(low - observation, observation - high) / np.maximum(high - low, 1e-6)))
    return f"{contract.observation_names[i]} = {observation[i]:.3f}, trained for {low[i]:.3f} to {high[i]:.3f}"


def _refuse_wrong_shapes(session: Any, path: Path, *, inputs: int) -> None:
    for kind, nodes, name, width in (
        ("input", session.get_inputs(), "observation", inputs),
        ("output", session.get_outputs(), "action", 4),
    ):
        found = [(n.name, n.type, list(n.shape)) for n in nodes]
        if len(found) != 1 or found[0][0] != name or found[0][1] != "tensor(float)" or found[0][2][1:] != [width]:
            raise PolicyError(f"{path} needs one float32 {kind} `{name}` of shape (batch, {width}); it has {found}")
