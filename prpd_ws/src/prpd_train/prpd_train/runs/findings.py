"""What the probes of an automatic schedule found, and cost: `probes/01.json` in a run's folder, before stage 1."""

from __future__ import annotations

from dataclasses import asdict
from typing import List, Sequence

from prpd_train.runs.folder import RunFolder
from prpd_train.runs.spent import Spent
from prpd_train.schedule.auto import Candidate


def _file(index: int) -> str:
    return f"probes/{index:02d}.json"


def write_findings(folder: RunFolder, index: int, candidates: Sequence[Candidate], spent: Spent) -> None:
    """Of the probes before stage `index`."""
    (folder.path / _file(index)).parent.mkdir(exist_ok=True)
    folder.write_json(_file(index), {"candidates": [asdict(c) for c in candidates], "spent": asdict(spent)})


def has_findings(folder: RunFolder, index: int) -> bool:
    """Whether the probes before stage `index` were made."""
    return (folder.path / _file(index)).exists()


def read_candidates(folder: RunFolder, index: int) -> List[Candidate]:
    """Those of stage `index`."""
    return [Candidate(**candidate) for candidate in folder.read_json(_file(index))["candidates"]]


def spent_before(folder: RunFolder, index: int) -> Spent:
    """What was spent on probes before stage `index`."""
    return Spent(**folder.read_json(_file(index))["spent"]) if has_findings(folder, index) else Spent()
