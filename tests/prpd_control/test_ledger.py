import os
import signal
import subprocess
import sys

import pytest

from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, LedgerError, Outcome, pack, unpack

BATCH = Batch("b", ("cube_sand", "plate_sand"), repetitions=2, order="listed")
SUCCESS = Outcome("success", "lifted", "the rock is out", duration=12.5, steps=30, peak_force=8.0)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


def test_trials_run_in_order_and_keep_what_came_of_them(ledger):
    number = ledger.add_batch(BATCH, versions={"prpd": "0.1.0"})
    while (trial := ledger.next_planned(number)) is not None:
        ledger.begin(trial)
        ledger.finish(trial, SUCCESS)
    rows = ledger.trials(number)
    assert [(t.number, t.environment, t.repetition) for t in rows] == [
        (1, "cube_sand", 0),
        (2, "plate_sand", 0),
        (3, "cube_sand", 1),
        (4, "plate_sand", 1),
    ]
    assert all(t.status == "done" and t.success and t.steps == 30 and t.started for t in rows)
    assert ledger.batches()[0]["versions"] == {"prpd": "0.1.0"}
    assert ledger.take_up(BATCH) is None


def test_the_operators_verdict_outweighs_the_measurement(ledger):
    number = ledger.add_batch(BATCH, versions={})
    trial = ledger.next_planned(number)
    ledger.begin(trial)
    ledger.finish(trial, Outcome("success", "lifted", "", 1.0, verdict="failure"))
    assert not ledger.trials(number)[0].success


def test_a_second_writer_is_refused_and_a_reader_is_not(ledger):
    ledger.add_batch(BATCH, versions={})
    with pytest.raises(LedgerError, match=rf"another batch writes to .*ledger\.sqlite.*process {os.getpid()}"):
        Ledger(ledger.path)
    with Ledger(ledger.path, writable=False) as reader:
        assert len(reader.trials()) == 4


def test_a_batch_goes_on_where_it_was_left(tmp_path):
    with Ledger(tmp_path / "l") as ledger:
        number = ledger.add_batch(BATCH, versions={})
        trial = ledger.next_planned(number)
        ledger.begin(trial)
        ledger.finish(trial, SUCCESS)
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.take_up(BATCH) == number
        assert ledger.next_planned(number).number == 2
        assert ledger.take_up(Batch("other", ("cube_sand",))) is None


def test_what_could_not_be_run_is_planned_once_more_when_the_batch_is_taken_up(ledger):
    number = ledger.add_batch(BATCH, versions={})
    outcomes = [SUCCESS, Outcome("aborted", "not_ready", "jammed", 1.0), Outcome("failure", "rock_lost", "", 9.0)]
    for outcome in [*outcomes, SUCCESS]:
        trial = ledger.next_planned(number)
        ledger.begin(trial)
        ledger.finish(trial, outcome)
    assert ledger.next_planned(number) is None, "not while it runs"
    assert ledger.standing(number) == (4, 2)
    assert ledger.take_up(BATCH) == number
    again = ledger.next_planned(number)
    assert (again.number, again.environment, again.status) == (2, "plate_sand", "planned")
    assert ledger.take_up(BATCH) == number
    assert len(ledger.trials(number)) == 5, "but once"
    ledger.begin(again)
    ledger.finish(again, Outcome("failure", "rock_lost", "", 9.0, verdict="success"))
    assert ledger.standing(number) == (4, 3)
    assert ledger.take_up(BATCH) is None


KILLED = """
import os, sys, time
from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, Outcome
ledger = Ledger(sys.argv[1])
number = ledger.add_batch(Batch("b", ("cube_sand",), repetitions=500, order="listed"), versions={})
while (trial := ledger.next_planned(number)) is not None:
    ledger.begin(trial)
    print("running", trial.number, flush=True)
    ledger.finish(trial, Outcome("success", "lifted", "", 1.0, trajectory=b"x" * 5000))
"""


@pytest.mark.parametrize("after", [1, 3, 20])
def test_a_kill_at_any_time_loses_at_most_the_running_trial(tmp_path, after):
    path = tmp_path / "ledger.sqlite"
    process = subprocess.Popen([sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, env=os.environ, text=True)
    for _ in range(after):
        last = int(process.stdout.readline().split()[1])
    process.send_signal(signal.SIGKILL)
    last = max([last, *(int(line.split()[1]) for line in process.stdout.read().splitlines() if line[-1:].isdigit())])
    process.wait()
    process.stdout.close()
    with Ledger(path) as ledger:
        rows = ledger.trials(1)
        done = {t.number for t in rows if t.status == "done"}
        interrupted = {t.number for t in rows if t.status == "interrupted"}
        assert done >= set(range(1, last))
        assert len(interrupted) <= 1
        assert {t.number for t in rows if t.status == "planned"} == set(range(1, 501)) - done
        assert all(t.outcome == "aborted" for t in rows if t.status == "interrupted")


def test_what_is_no_ledger_is_named(tmp_path):
    (tmp_path / "text").write_text("hello, this is not a database, but long enough to be read as one" * 20)
    with pytest.raises(LedgerError, match=r"text is not a usable ledger"):
        Ledger(tmp_path / "text")
    with pytest.raises(LedgerError, match=r"there is no ledger .*nowhere"):
        Ledger(tmp_path / "nowhere", writable=False)


def test_a_full_disk_is_an_error_of_the_write_and_keeps_the_rows(ledger):
    number = ledger.add_batch(BATCH, versions={})
    trial = ledger.next_planned(number)
    ledger.begin(trial)
    pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
    ledger._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerError, match=r"ledger\.sqlite cannot be written \(database or disk is full\); make room"):
        ledger.finish(trial, Outcome("success", "lifted", "", 1.0, trajectory=os.urandom(100_000)))
    assert ledger.trials(number)[0].status == "running"


def test_trajectories_survive_packing():
    columns = {"t": [0.0, 0.1], "observation": [[1.0, 2.5], [3.0, 4.0]]}
    assert unpack(pack(columns)) == columns
    assert unpack(None) == {}
