"""The model card of an exported policy: what it is for, how it was made, how good it is, what it is not for."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Dict, List

from prpd_task.contract import Contract
from prpd_task.errors import UserError
from prpd_train.export.read import describe

COLUMNS = ("engine", "delta", "randomised", "rocks", "episodes", "success", "low", "high", "length", "peak_force")


def read_evaluation(path: Path) -> List[Dict[str, str]]:
    """Rows that `prpd evaluate --csv` wrote."""
    try:
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UserError(f"cannot read the evaluation {path}: {error.strerror}") from error
    if not rows or any(name not in rows[0] for name in COLUMNS):
        raise UserError(f"{path} is no table of `prpd evaluate --csv`")
    return rows


def model_card(name: str, contract: Contract, evaluation: List[Dict[str, str]]) -> str:
    """Markdown."""
    made: Dict[str, Any] = contract.provenance
    stages = made.get("stages", [])
    randomised = made.get("randomised", True)
    lines = [
        f"# {name}",
        "",
        f"Digs rocks out of soil with a {contract.task.bucket.shape} bucket on a UR5e. Learned by",
        "progressive-resolution policy distillation in simulation "
        f"(engine {made.get('engine')}, scene preset {made.get('scene')}), "
        f"{'with' if randomised else '**without**'} domain randomisation; see docs/method.md.",
        "",
        "| stage | grains | success while learning | samples so far | seconds so far |",
        "|---|---|---|---|---|",
    ]
    for index, stage in enumerate(stages):
        lines.append(
            f"| {index} | {stage['delta'] * 1000:.4g} mm | {stage['success']:.3f} | {stage['samples']:,} | "
            f"{stage['seconds']:.0f} |"
        )
    if evaluation:
        lines += [
            "",
            "Deterministic actions, all episodes started are counted, 95 % Wilson intervals (`prpd evaluate`):",
            "",
            "| engine | grains | rocks | randomised | episodes | success | interval | steps | largest force |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for row in evaluation:
            lines.append(
                f"| {row['engine']} | {float(row['delta']) * 1000:.4g} mm | {row['rocks']} | {row['randomised']} | "
                f"{row['episodes']} | "
                f"{float(row['success']):.3f} | {float(row['low']):.3f} to {float(row['high']):.3f} | "
                f"{float(row['length']):.0f} | {float(row['peak_force']):.0f} N |"
            )
        lines += [
            "",
            "Forces are those of a bucket that nothing can deflect; an arm gives way and its driver stops it earlier.",
        ]
    lines += [
        "",
        "Not for: other buckets, other control periods or other observations than the contract below (the runtime",
        "refuses them); rocks that do not fit the bucket; work near people without the cell's own safety.",
        "",
        "```",
        describe(contract),
        "```",
        "",
    ]
    return "\n".join(lines)
