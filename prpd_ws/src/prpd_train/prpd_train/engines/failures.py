"""What happens when a state goes bad: count it, and write the last states down for inspection."""

from __future__ import annotations

import logging
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from prpd_task.arrays import Array, to_numpy

log = logging.getLogger(__name__)


class FailureCount:
    """How many environments have failed so far."""

    count = 0


class FailureLog(FailureCount):
    """Keeps the last few states of all environments; `dump` writes those of one environment to a file."""

    def __init__(self, directory: str | Path | None = None, keep: int = 4, most_files: int = 20) -> None:
        self._directory = directory
        self._most_files = most_files
        self._states: deque[dict[str, np.ndarray]] = deque(maxlen=keep)

    def record(self, **arrays: Array) -> None:
        """Remember copies of the arrays, whose first axis is the environment."""
        self._states.append({name: np.array(to_numpy(array)) for name, array in arrays.items()})

    def dump(self, env: int, spec: Any) -> None:
        """Count a failure of an environment, and write what is remembered of it."""
        self.count += 1
        if self.count > self._most_files or not self._states:
            log.error("environment %d failed (failure %d)", env, self.count)
            return
        directory = Path(self._directory or Path(tempfile.gettempdir()) / "prpd_failures")
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"failure_{self.count:04d}_env{env}_{spec.digest()}.npz"
        stacked = {name: np.stack([state[name][env] for state in self._states]) for name in self._states[0]}
        np.savez_compressed(path, **{"spec": np.array(repr(spec)), **stacked})  # type: ignore[arg-type]
        log.error("environment %d failed (failure %d); its last states are in %s", env, self.count, path)
