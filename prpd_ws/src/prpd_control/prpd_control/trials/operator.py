"""The person beside a real cell, at the terminal of `prpd trials` or behind the services of the `trials` node."""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Callable

from prpd_control.trials.ledger import Outcome, Trial
from prpd_control.trials.runner import StoppedError

HELP = "Enter: go on   s: it was a success   f: it was a failure   p: pause   q: end the batch (resume it later)"


class PromptingOperator:
    """Asks before each trial, and takes a verdict after it.

    `answers` delivers words: "" (go on), `s`, `f`, `p`, `q`. Whoever listens to the person puts them in.
    """

    def __init__(self, say: Callable[[str], None], *, stopped: Callable[[], bool]) -> None:
        self.answers: queue.Queue[str] = queue.Queue()
        self._say, self._stopped = say, stopped

    def confirm(self, trial: Trial) -> None:
        """Wait until the rock lies as the trial wants it."""
        self._say(f"trial {trial.number}: set up {trial.environment!r}, put the rock in, step back. {HELP}")
        while (word := self._next(timeout=None)) != "":
            if word == "p":
                self._say("paused; Enter goes on")

    def verdict(self, trial: Trial, outcome: Outcome) -> str:
        """What the person says, or nothing if they agree."""
        self._say(f"trial {trial.number}: {outcome.outcome} ({outcome.reason}). Enter: agreed. {HELP}")
        word = self._next(timeout=None)
        return {"s": "success", "f": "failure"}.get(word, "")

    def _next(self, timeout: float | None) -> str:
        deadline = None if timeout is None else time.monotonic() + timeout
        while deadline is None or time.monotonic() < deadline:
            if self._stopped():
                raise StoppedError("the batch was asked to end")
            try:
                word = self.answers.get(timeout=0.1).strip().lower()
            except queue.Empty:
                continue
            if word == "q":
                raise StoppedError("the operator ended the batch")
            return word
        return ""


def listen_to_terminal(operator: PromptingOperator) -> None:
    """Put the lines of standard input in; runs in a thread of its own until the input ends."""
    for line in sys.stdin:
        operator.answers.put(line.rstrip("\n"))
