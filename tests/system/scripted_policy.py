"""A policy that digs by rules instead of training, as an ONNX file with a contract: down, under the rock, up.

`python tests/system/scripted_policy.py FILE` writes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from prpd_task.contract import METADATA_KEY, Contract
from prpd_task.spec import TaskSpec

INPUTS = ("bucket_x", "bucket_y", "bucket_z", "bucket_pitch", "rock_x", "rock_y", "rock_z", "flag")
LOW = (-0.3, -0.5, -0.2, -0.8, -0.15, -0.15, -0.15, 0.0)
HIGH = (0.3, 0.3, 0.4, 1.0, 0.15, 0.15, 0.35, 1.0)


class _Graph:
    """Collects nodes; every operand is the name of a (batch, 1) tensor or a number."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(value, f"c{len(self.constants)}"))
        return self.constants[-1].name

    def op(self, kind: str, *operands: str | float, out: str = "", **attributes: int) -> str:
        names = [o if isinstance(o, str) else self.constant(np.array([[o]], np.float32)) for o in operands]
        out = out or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [out], **attributes))
        return out

    def mix(self, weight: str, one: str | float, other: str | float) -> str:
        """`one` where weight is 1, `other` where it is 0."""
        rest = self.op("Sub", 1.0, weight)
        return self.op("Add", self.op("Mul", weight, one), self.op("Mul", rest, other))

    def above(self, a: str, b: str, sharpness: float) -> str:
        """1 where a > b, 0 where a < b, smooth between."""
        return self.op("Sigmoid", self.op("Mul", self.op("Sub", a, b), sharpness))


def write(path: Path, task: TaskSpec | None = None) -> Path:
    """Write the policy for the task's nominal fork."""
    g = _Graph()
    for i, name in enumerate(INPUTS):
        g.op("Gather", "observation", g.constant(np.array([i], np.int64)), out=name, axis=1)
    floor = g.op("Max", g.op("Sub", "rock_z", 0.045), -0.068)
    deep = g.above(g.op("Add", floor, 0.012), "bucket_z", 800.0)
    under = g.op(
        "Mul",
        g.above("bucket_y", g.op("Sub", "rock_y", 0.03), 800.0),
        g.above(g.op("Add", "rock_z", 0.03), "bucket_z", 800.0),
    )
    held = g.op("Mul", "flag", g.above(g.op("Add", "rock_z", 0.06), "bucket_z", 10.0))
    lift = g.op("Max", under, held)
    forward = g.mix(deep, g.op("Add", "rock_y", 0.02), g.op("Sub", "rock_y", 0.13))
    goals = {
        "bucket_x": ("rock_x", 40.0),
        "bucket_y": (g.mix(lift, "bucket_y", forward), 40.0),
        "bucket_z": (g.mix(lift, 0.2, floor), 40.0),
        "bucket_pitch": (g.op("Mul", lift, 0.45), 8.0),
    }
    columns = [g.op("Mul", g.op("Sub", goal, now), gain) for now, (goal, gain) in goals.items()]
    every = g.op("Concat", *columns, axis=1)
    limits = [g.constant(np.array(v, np.float32)) for v in (-1.0, 1.0)]
    g.op("Clip", every, *limits, out="action")
    graph = helper.make_graph(
        g.nodes,
        "scripted",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, ["batch", len(INPUTS)])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, ["batch", 4])],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    contract = Contract(task or TaskSpec(), LOW, HIGH, {"engine": "none: scripted"})
    helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
    return path


if __name__ == "__main__":
    write(Path(sys.argv[1]))
