"""What the probes of an automatic schedule found, and cost: `probes.json` in a run's folder."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Dict, List, Sequence

from prpd_train.runs.folder import RunError, RunFolder
from prpd_train.runs.spent import Spent
from prpd_train.schedule.auto import Candidate

FILE = "probes.json"


def write_findings(folder: RunFolder, candidates: Sequence[Candidate], spent: Spent) -> None:
    """Of the stage that was finished last."""
    content = {"stages": len(folder.results()), "candidates": [asdict(c) for c in candidates], "spent": asdict(spent)}
    folder.write_json(FILE, content)


def read_candidates(folder: RunFolder) -> List[Candidate]:
    """Those of the stage that was finished last."""
    found: Dict[str, Any] = folder.read_json(FILE)
    if found["stages"] != len(folder.results()):
        raise RunError(f"{folder.path / FILE} is of another stage; delete it and resume")
    return [Candidate(**candidate) for candidate in found["candidates"]]


def spent_before(folder: RunFolder, index: int) -> Spent:
    """What was spent on probes between the stage before `index` and that one."""
    if not (folder.path / FILE).exists():
        return Spent()
    found: Dict[str, Any] = folder.read_json(FILE)
    return Spent(**found["spent"]) if found["stages"] == index else Spent()
