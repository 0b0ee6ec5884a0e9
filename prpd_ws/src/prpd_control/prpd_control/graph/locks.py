"""Locks of this machine, which the kernel frees with the process that holds them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
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
        self._name = name
        file_name = re.sub(r"[^\w.-]", "-", f"prpd-{name}.lock")
        self._path = (directory or Path(tempfile.gettempdir())) / file_name
        self._mode = 0o666 if directory is None else 0o644  # in the common folder, any user may lock
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take it, or raise `TakenError` naming the holder."""
        file = _open(self._path, mode=self._mode)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = file.read().strip() or "unknown"
            file.close()
            raise TakenError(f"{self._name} is held by process {holder}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Locks:
    """Several locks, held together or not at all. Leaving the `with` block gives them back."""

    def __init__(self, names: Iterable[str]) -> None:
        self._held: list[Lock] = []
        try:
            for name in dict.fromkeys(names):
                lock = Lock(name)
                lock.acquire()
                self._held.append(lock)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give all of them back."""
        while self._held:
            self._held.pop().release()


def first_free(candidates: Iterable[T], names: Callable[[T], Iterable[str]]) -> tuple[T, Locks]:
    """The first candidate of which all locks are free, and these locks, held."""
    tried = []
    for candidate in candidates:
        try:
            return candidate, Locks(names(candidate))
        except TakenError as error:
            tried.append(str(error))
    raise TakenError("; ".join(tried))


def _open(path: Path, *, mode: int) -> IO[str]:
    """The file of a lock, for reading and writing, whoever of this machine's users made it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_CREAT, mode)
        with contextlib.suppress(PermissionError):  # somebody else was quicker, and makes it everybody's
            os.fchmod(descriptor, mode)
    return os.fdopen(descriptor, "r+", encoding="utf-8")
