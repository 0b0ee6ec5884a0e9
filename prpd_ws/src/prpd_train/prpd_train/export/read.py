"""Read an exported policy's contract, for people."""

from __future__ import annotations

from pathlib import Path
from typing import List

from prpd_task.contract import METADATA_KEY, Contract
from prpd_task.errors import UserError
from prpd_task.observation import terms


def read_contract(path: Path) -> Contract:
    """The contract inside an ONNX file."""
    import onnx

    if not path.is_file():
        raise UserError(f"there is no policy file {path}; `prpd export` makes one")
    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf's errors share no public base class
        raise UserError(f"{path} is damaged or not an ONNX file ({error}); export the policy again") from error
    for entry in model.metadata_props:
        if entry.key == METADATA_KEY:
            return Contract.from_json(entry.value)
    raise UserError(f"{path} carries no contract ({METADATA_KEY}); only files made by `prpd export` can be read")


def describe(contract: Contract) -> str:
    """The contract as a person reads it."""
    task, lines = contract.task, []
    lines.append(
        f"bucket      {task.bucket.shape}, {task.bucket.width} x {task.bucket.length} x {task.bucket.height} m "
        f"(hash {task.bucket.hash()})"
    )
    lines.append(f"rate        one action every {task.control_period} s, at most {task.max_steps} of them")
    lines.append(
        f"success     rock {task.success.clearance} m clear of the soil, at rest in the bucket, "
        f"for {task.success.hold_time} s"
    )
    lines.append(f"start       bucket near {_tuple(task.start_pose)} (m, m, m, rad; frame soil)")
    lines.append(f"workspace   {_tuple(task.workspace_low)} to {_tuple(task.workspace_high)}")
    lines += ["", f"inputs ({task.preset})       range seen in training"]
    for term, low, high in zip(terms(task.preset), contract.observation_low, contract.observation_high):
        lines.append(
            f"  {term.name:<16} {low:>9.4f} to {high:>8.4f} {term.unit:<4} {term.description}{_in(term.frame)}"
        )
    lines += ["", "outputs, each in [-1, 1]"]
    for name, unit, scale in zip(("x", "y", "z", "pitch"), ("m", "m", "m", "rad"), task.action_scale):
        lines.append(f"  increment_{name:<6} x {scale} {unit} added to the last target")
    lines += ["", "provenance", *_tree(contract.provenance, 1)]
    return "\n".join(lines)


def _tuple(values: tuple) -> str:
    return "(" + ", ".join(f"{v:g}" for v in values) + ")"


def _in(frame: str) -> str:
    return f" (frame {frame})" if frame else ""


def _tree(value: object, depth: int) -> List[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        lines: List[str] = []
        for key, item in value.items():
            nested = isinstance(item, dict) or (isinstance(item, list) and any(isinstance(i, dict) for i in item))
            lines += [f"{indent}{key}:", *_tree(item, depth + 1)] if nested else [f"{indent}{key}: {item}"]
        return lines
    if isinstance(value, list):
        return [
            f"{indent}- {', '.join(f'{k} {v}' for k, v in item.items())}"
            if isinstance(item, dict)
            else f"{indent}- {item}"
            for item in value
        ]
    return [f"{indent}{value}"]
