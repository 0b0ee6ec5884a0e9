"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from prpd_task.errors import UserError


class FileError(UserError):
    """A file that cannot be written."""


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file in one step, so that a crash or a full disk leaves the old one."""
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        hint = "free some space and resume" if error.errno == errno.ENOSPC else "check the folder and resume"
        raise FileError(f"cannot write {path}: {error.strerror}; {hint}, nothing was overwritten") from error
