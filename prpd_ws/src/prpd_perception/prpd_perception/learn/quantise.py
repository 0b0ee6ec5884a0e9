"""The detector's network in whole numbers of eight bits: it takes less than half the time, and answers nearly alike."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class _Maps(CalibrationDataReader):
    """Batches of the network's input, one at a time."""

    def __init__(self, batches: Iterable[np.ndarray]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """The next batch, or None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"channels": batch}


def is_quantised(path: Path) -> bool:
    """Whether the network in an ONNX file computes in eight bits already."""
    return any(node.op_type == "QuantizeLinear" for node in onnx.load(path).graph.node)


def quantise(path: Path, maps: Iterable[np.ndarray]) -> None:
    """Replace the network in an ONNX file. `maps` (B, 6, n, n), of its usual inputs, show which range each layer needs.

    The first layer stays in 32 bits: in eight, heights would come in steps of a millimetre. So does the last with what
    is made of it. Weights take seven bits: on processors without instructions for sums of eight-bit products, those of
    eight would overflow, and the answers would be others there.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantised = Path(folder) / "prepared.onnx", path.with_suffix(".part")
        # Its sizes are dynamic, which the symbolic inference cannot do; nothing here needs it.
        quant_pre_process(path, prepared, skip_symbolic_shape=True)
        nodes = onnx.load(prepared).graph.node
        layers = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
        quantize_static(
            prepared,
            quantised,
            _Maps(maps),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            op_types_to_quantize=["Conv", "Relu", "Add", "Concat", "Resize"],
            nodes_to_exclude=[nodes[layers[0]].name, *(node.name for node in nodes[layers[-1] :])],
        )
        quantised.rename(path)
