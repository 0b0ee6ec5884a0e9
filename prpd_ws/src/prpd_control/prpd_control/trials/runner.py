"""Runs a batch, trial by trial, against anything that can prepare, dig and judge."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from prpd_control.resources import shipped_policy
from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, Outcome, Trial, pack
from prpd_control.trials.recorder import recording_name

MAX_ABORTED_IN_A_ROW = 3
"""After so many trials that could not be run at all, the batch ends: something is wrong with the cell."""


class NotReadyError(RuntimeError):
    """The cell cannot run this trial; the message says why and what to do."""


class StoppedError(RuntimeError):
    """The batch was asked to end."""


@dataclass(frozen=True)
class Dug:
    """What one excavation reported."""

    lifted: bool
    """By the excavation's own belief."""
    finished: bool
    """It ended by itself: the rock lifted, or not, but nothing stopped it."""
    reason: str
    message: str
    steps: int
    duration: float
    """s."""
    peak_force: float
    """N."""
    excavated: bool | None
    """What is true, where a simulated soil box can tell; None on a real one."""
    real_time_factor: float | None
    trajectory: Mapping[str, list[Any]]


class Cell(Protocol):
    """Where trials are run: the graph, on a robot or on the twin."""

    def prepare(self, trial: Trial) -> None:
        """Soil and arm as the trial wants them; `NotReadyError` where that fails."""

    def dig(self, trial: Trial, *, timeout: float) -> Dug:
        """One excavation."""

    def parameters(self) -> Mapping[str, Any]:
        """Of the cell, for the ledger."""


class Operator(Protocol):
    """Who stands beside the cell, if anybody."""

    def confirm(self, trial: Trial) -> None:
        """Return when the cell is ready for the trial; `StoppedError` to end the batch."""

    def verdict(self, trial: Trial, outcome: Outcome) -> str:
        """`success` or `failure` where the operator knows better, else empty."""


class NoOperator:
    """The twin sets itself up, and what is true is known."""

    def confirm(self, trial: Trial) -> None:
        """Nothing to wait for."""

    def verdict(self, trial: Trial, outcome: Outcome) -> str:
        """No other opinion."""
        return ""


@dataclass(frozen=True)
class Progress:
    """Of a batch."""

    trial: Trial
    phase: str
    """`preparing`, `waiting`, `running`, `judging`, `finished`."""
    outcome: Outcome | None = None


def judge(dug: Dug) -> Outcome:
    """Truth where it is known, else belief; an excavation that was stopped is no success, whatever it holds."""
    lifted = dug.lifted if dug.excavated is None else dug.excavated
    reason, message = dug.reason, dug.message
    if dug.lifted and not lifted:
        reason, message = "not_lifted_in_truth", "perception believed the rock lifted, but it is not in the bucket"
    return Outcome(
        outcome="success" if lifted and dug.finished else "failure",
        reason=reason,
        message=message,
        duration=dug.duration,
        steps=dug.steps,
        peak_force=dug.peak_force,
        real_time_factor=dug.real_time_factor,
        trajectory=pack(dug.trajectory),
    )


class BatchRunner:
    """Runs the planned trials of one batch in a ledger."""

    def __init__(
        self,
        cell: Cell,
        ledger: Ledger,
        number: int,
        batch: Batch,
        *,
        operator: Operator,
        announce: Callable[[Progress], None] = lambda progress: None,
        folder: Path | None = None,
    ) -> None:
        self._cell, self._ledger, self._number, self._batch = cell, ledger, number, batch
        self._operator, self._announce = operator, announce
        self._folder = folder
        self._aborted = 0

    def run(self) -> None:
        """Until nothing is planned; `StoppedError` if the user ends it before, `NotReadyError` if the cell does."""
        while (trial := self._ledger.next_planned(self._number)) is not None:
            self._run(trial)

    def _run(self, trial: Trial) -> None:
        self._ledger.begin(trial)
        started = time.monotonic()
        try:
            self._announce(Progress(trial, "preparing"))
            self._prepare(trial)
            self._announce(Progress(trial, "waiting"))
            self._operator.confirm(trial)
            self._announce(Progress(trial, "running"))
            outcome = judge(self._cell.dig(trial, timeout=self._batch.timeout))
            self._announce(Progress(trial, "judging", outcome))
            outcome = replace(outcome, verdict=self._operator.verdict(trial, outcome))
            self._aborted = 0
        except NotReadyError as error:
            self._aborted += 1
            outcome = Outcome("aborted", "not_ready", str(error), duration=time.monotonic() - started)
        parameters = json.dumps(dict(self._cell.parameters()), sort_keys=True)
        outcome = replace(outcome, parameters=parameters, policy_hash=_hash(trial), recording=self._recording(trial))
        self._ledger.finish(trial, outcome)
        self._announce(Progress(trial, "finished", outcome))
        if self._aborted >= MAX_ABORTED_IN_A_ROW:
            raise NotReadyError(f"{self._aborted} trials in a row could not be run; the last: {outcome.message}")

    def _prepare(self, trial: Trial) -> None:
        """Twice if need be: where the machine stood still for a moment, the driver stops the arm on its way home."""
        try:
            self._cell.prepare(trial)
        except NotReadyError:
            self._cell.prepare(trial)

    def _recording(self, trial: Trial) -> str:
        if self._folder is None:
            return ""
        path = self._folder / "recordings" / recording_name(trial.id)
        return str(path.relative_to(self._folder)) if path.parent.is_dir() else ""


def _hash(trial: Trial) -> str:
    path = Path(trial.policy) if trial.policy else shipped_policy()
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
