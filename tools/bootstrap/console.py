"""What the user sees: problems with their remedy, and steps with their progress."""

from __future__ import annotations

import sys
import time


class Problem(Exception):
    """Something that the user must mend; says what and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy

    def __str__(self) -> str:
        return f"{self.what}\n  {self.remedy}"


def say(text: str) -> None:
    """One line for the user. On stderr, because stdout belongs to the command."""
    print(f"prpd: {text}", file=sys.stderr, flush=True)


class Step:
    """A step that takes a while: one line that is kept up to date on a terminal, two lines elsewhere."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._live = sys.stderr.isatty()
        self._detail = ""

    def __enter__(self) -> Step:
        self._start = time.monotonic()
        if self._live:
            self._draw()
        else:
            say(f"{self._title} ...")
        return self

    def detail(self, text: str) -> None:
        """What the step is at, in a few words."""
        self._detail = text
        if self._live:
            self._draw()

    def _draw(self) -> None:
        line = f"prpd: {self._title} [{time.monotonic() - self._start:3.0f} s] {self._detail}"
        print(f"\r\033[K{line[:119]}", end="", file=sys.stderr, flush=True)

    def __exit__(self, kind: object, *_: object) -> None:
        if self._live:
            print("\r\033[K", end="", file=sys.stderr)
        outcome = "done" if kind is None else "failed"
        say(f"{self._title}: {outcome} in {time.monotonic() - self._start:.0f} s")
