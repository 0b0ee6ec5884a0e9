"""One graph per ROS domain and per robot: a second instance is refused, or goes elsewhere."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TypeVar

from prpd_task.errors import UserError

T = TypeVar("T")


class TakenError(UserError):
    """Somebody else holds the lock."""


class Lock:
    """A named lock of this machine, held until the process ends or `release` is called."""

    def __init__(self, name: str, *, directory: Path | None = None) -> None:
        self._path = (directory or Path(tempfile.gettempdir())) / f"prpd-{name}.lock"
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take it, or raise `TakenError` naming the holder."""
        file = open(self._path, "a+")  # noqa: SIM115 - it stays open as long as the lock is held
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            file.close()
            raise TakenError(f"{self._path.stem} is held by process {holder}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def first_free(candidates: Iterable[T], name: Callable[[T], str]) -> tuple[T, Lock]:
    """The first candidate whose lock is free, and that lock, held."""
    tried = []
    for candidate in candidates:
        lock = Lock(name(candidate))
        try:
            lock.acquire()
        except TakenError as error:
            tried.append(str(error))
            continue
        return candidate, lock
    raise TakenError("none is free: " + "; ".join(tried))
