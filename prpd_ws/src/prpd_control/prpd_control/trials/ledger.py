"""The ledger of trials: an SQLite file that survives a kill at any time.

A trial has a row from the moment it is planned. At most one is `running`; one that is found running when the ledger is
opened was cut off with its process, is marked `interrupted`, and its slot is planned anew. So is that of a trial that
could not be run, when its batch is taken up again.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from prpd_control.graph.locks import Lock, TakenError
from prpd_control.trials.batch import Batch
from prpd_task.errors import UserError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    created REAL NOT NULL,         -- s since 1970
    batch TEXT NOT NULL,           -- JSON: the batch as it was read
    versions TEXT NOT NULL         -- JSON: of the software
) STRICT;
CREATE TABLE IF NOT EXISTS trials (
    id INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL REFERENCES batches(id),
    number INTEGER NOT NULL,       -- slot in the batch, from 1
    environment TEXT NOT NULL,
    policy TEXT NOT NULL,
    repetition INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'planned',  -- planned, running, done, interrupted
    policy_hash TEXT NOT NULL DEFAULT '',    -- SHA-256 of the file
    parameters TEXT NOT NULL DEFAULT '{}',   -- JSON: of the soil and of the nodes
    started REAL,                  -- s since 1970
    duration REAL,                 -- s
    outcome TEXT NOT NULL DEFAULT '',        -- success, failure, aborted
    reason TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    verdict TEXT NOT NULL DEFAULT '',        -- the operator's: success, failure or empty
    steps INTEGER NOT NULL DEFAULT 0,
    peak_force REAL NOT NULL DEFAULT 0,      -- N
    real_time_factor REAL,         -- least of the twin while it ran; NULL on a robot
    recording TEXT NOT NULL DEFAULT '',
    trajectory BLOB                -- see `pack`
) STRICT;
CREATE INDEX IF NOT EXISTS trials_of_batch ON trials (batch, number);
"""


_NOT_RUN = """t.status = 'done' AND t.outcome = 'aborted' AND NOT EXISTS
    (SELECT 1 FROM trials later WHERE later.batch = t.batch AND later.number = t.number AND later.id > t.id)"""
"""Which rows of `trials t` could not be run, and were not planned once more."""
_SLOT = ("batch", "number", "environment", "policy", "repetition", "seed")


class LedgerError(UserError):
    """A ledger that cannot be opened or written."""


@dataclass(frozen=True)
class Trial:
    """One row."""

    id: int
    batch: int
    number: int
    environment: str
    policy: str
    repetition: int
    seed: int
    status: str
    policy_hash: str
    parameters: str
    started: float | None
    duration: float | None
    outcome: str
    reason: str
    message: str
    verdict: str
    steps: int
    peak_force: float
    real_time_factor: float | None
    recording: str
    trajectory: bytes | None

    @property
    def success(self) -> bool:
        """By the operator's verdict where there is one, else by the measured outcome."""
        return _succeeded(self.outcome, self.verdict)


@dataclass(frozen=True)
class Outcome:
    """What came of one trial."""

    outcome: str
    """`success`, `failure` or `aborted`."""
    reason: str
    message: str
    duration: float
    """s."""
    steps: int = 0
    peak_force: float = 0.0
    """N."""
    policy_hash: str = ""
    verdict: str = ""
    real_time_factor: float | None = None
    recording: str = ""
    parameters: str = "{}"
    trajectory: bytes | None = None


class Ledger:
    """One open ledger. Writers hold a lock; readers (`writable=False`) may look on at any time."""

    def __init__(self, path: str | Path, *, writable: bool = True) -> None:
        self.path = Path(path).expanduser()
        self._lock: Lock | None = None
        if writable:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = Lock(self.path.name, directory=self.path.parent.resolve())
            try:
                self._lock.acquire()
            except TakenError as error:
                raise LedgerError(f"another batch writes to {self.path}: {error}; wait for it or stop it") from error
        elif not self.path.is_file():
            raise LedgerError(f"there is no ledger {self.path}; run `prpd trials` first, or name another one")
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            if writable:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.executescript(_SCHEMA)
                self._mark_interrupted()
            self._db.execute("SELECT 1 FROM trials LIMIT 1")
        except LedgerError:
            self.close()
            raise
        except sqlite3.Error as error:
            self.close()
            raise LedgerError(f"{self.path} is not a usable ledger ({error}); name another file") from error

    def _mark_interrupted(self) -> None:
        rows = self._db.execute("SELECT * FROM trials WHERE status = 'running'").fetchall()
        mark = "UPDATE trials SET status = 'interrupted', outcome = 'aborted' WHERE id = ?"
        with self._transaction():
            for row in rows:
                self._db.execute(mark, (row["id"],))
                self._plan(*(row[k] for k in _SLOT))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block is written, or nothing; what cannot be written is a `LedgerError`."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            with self._db:
                yield
        except sqlite3.Error as error:
            raise LedgerError(f"{self.path} cannot be written ({error}); make room and run again") from error

    def _plan(self, batch: int, number: int, environment: str, policy: str, repetition: int, seed: int) -> None:
        self._db.execute(
            "INSERT INTO trials (batch, number, environment, policy, repetition, seed) VALUES (?, ?, ?, ?, ?, ?)",
            (batch, number, environment, policy, repetition, seed),
        )

    def add_batch(self, batch: Batch, *, versions: Mapping[str, str]) -> int:
        """Plan a batch; its number."""
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO batches (name, created, batch, versions) VALUES (?, ?, ?, ?)",
                (batch.name, time.time(), json.dumps(vars(batch)), json.dumps(dict(versions))),
            )
            for number, planned in enumerate(batch.plan(), start=1):
                self._plan(cursor.lastrowid or 0, number, *vars(planned).values())
        return cursor.lastrowid or 0

    def take_up(self, batch: Batch) -> int | None:
        """The last batch with this description that is not finished; what could not be run is planned once more."""
        row = self._db.execute(
            "SELECT b.id FROM batches b WHERE b.batch = ? AND EXISTS"
            f" (SELECT 1 FROM trials t WHERE t.batch = b.id AND (t.status = 'planned' OR {_NOT_RUN}))"
            " ORDER BY b.id DESC",
            (json.dumps(vars(batch)),),
        ).fetchone()
        if row is None:
            return None
        not_run = self._db.execute(f"SELECT * FROM trials t WHERE t.batch = ? AND {_NOT_RUN}", (row["id"],)).fetchall()
        with self._transaction():
            for trial in not_run:
                self._plan(*(trial[k] for k in _SLOT))
        return int(row["id"])

    def standing(self, batch: int) -> tuple[int, int]:
        """How many slots a batch has, and how many of them were a success."""
        query = "SELECT number, outcome, verdict FROM trials WHERE batch = ? ORDER BY id"
        slots = {number: _succeeded(outcome, verdict) for number, outcome, verdict in self._db.execute(query, (batch,))}
        return len(slots), sum(slots.values())

    def next_planned(self, batch: int) -> Trial | None:
        """The planned trial with the lowest number."""
        row = self._db.execute(
            "SELECT * FROM trials WHERE batch = ? AND status = 'planned' ORDER BY number, id LIMIT 1", (batch,)
        ).fetchone()
        return None if row is None else _trial(row)

    def begin(self, trial: Trial) -> None:
        """Mark it running, before anything moves."""
        with self._transaction():
            self._db.execute("UPDATE trials SET status = 'running', started = ? WHERE id = ?", (time.time(), trial.id))

    def finish(self, trial: Trial, outcome: Outcome) -> None:
        """Write what came of it."""
        columns = [f.name for f in fields(Outcome)]
        with self._transaction():
            self._db.execute(
                f"UPDATE trials SET status = 'done', {', '.join(f'{c} = ?' for c in columns)} WHERE id = ?",
                (*(getattr(outcome, c) for c in columns), trial.id),
            )

    def trials(self, batch: int | None = None) -> list[Trial]:
        """All rows (of one batch), in the order in which they were planned."""
        rows = self._db.execute(
            "SELECT * FROM trials WHERE ?1 IS NULL OR batch = ?1 ORDER BY batch, number, id", (batch,)
        ).fetchall()
        return [_trial(row) for row in rows]

    def batches(self) -> list[dict[str, Any]]:
        """Number, name, creation time, description and versions of each batch."""
        rows = self._db.execute("SELECT * FROM batches ORDER BY id").fetchall()
        return [{**dict(r), "batch": json.loads(r["batch"]), "versions": json.loads(r["versions"])} for r in rows]

    def close(self) -> None:
        """Let go of file and lock."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def pack(trajectory: Mapping[str, list[Any]]) -> bytes:
    """Columns of a trial's trajectory as the ledger keeps them."""
    return zlib.compress(json.dumps(dict(trajectory)).encode())


def unpack(data: bytes | None) -> dict[str, list[Any]]:
    """The columns again; none if nothing was kept."""
    return json.loads(zlib.decompress(data)) if data else {}


def _succeeded(outcome: str, verdict: str) -> bool:
    return (verdict or outcome) == "success"


def _trial(row: sqlite3.Row) -> Trial:
    return Trial(**{f.name: row[f.name] for f in fields(Trial)})
