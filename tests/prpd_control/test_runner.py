"""A batch against a cell of the test's own making; ledger, judgement and operator are the real ones."""

import threading

import numpy as np
import pytest

from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, LedgerError, unpack
from prpd_control.trials.operator import PromptingOperator
from prpd_control.trials.runner import BatchRunner, Dug, NoOperator, NotReadyError, StoppedError, judge
from prpd_control.trials.summary import Rate, as_json, by_environment, comparisons, latency, reasons

BATCH = Batch("b", ("cube_sand", "plate_sand"), repetitions=3, order="listed", timeout=50.0)


def dug(**changes):
    values = dict(lifted=True, finished=True, reason="lifted", message="", steps=20, duration=9.0, peak_force=12.0)
    values |= dict(excavated=True, real_time_factor=1.0, trajectory={"time": [0.0, 0.1], "age": [0.05, 0.06]})
    return Dug(**{**values, **changes})


class Cell:
    """Digs as it is told; fails to prepare where it is told, always or at first."""

    def __init__(self, *results, broken=(), slow=()):
        self.results, self.broken, self.slow = list(results), set(broken), set(slow)
        self.calls = []

    def prepare(self, trial):
        self.calls.append(("prepare", trial.number))
        if trial.number in self.broken | self.slow:
            self.slow.discard(trial.number)
            raise NotReadyError("the arm is in protective stop")

    def dig(self, trial, *, timeout):
        self.calls.append(("dig", trial.number, timeout))
        return self.results.pop(0) if self.results else dug()

    def parameters(self):
        return {"twin": True}


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        yield ledger


def run(ledger, cell, batch=BATCH, operator=None, watch=lambda progress: None):
    number = ledger.take_up(batch) or ledger.add_batch(batch, versions={})
    BatchRunner(cell, ledger, number, batch, operator=operator or NoOperator(), announce=watch).run()
    return ledger.trials(number)


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({}, "success", "lifted"),
        ({"excavated": False}, "failure", "not_lifted_in_truth"),
        ({"lifted": False, "reason": "steps_exhausted"}, "success", "steps_exhausted"),
        ({"lifted": False, "excavated": False, "reason": "steps_exhausted"}, "failure", "steps_exhausted"),
        ({"lifted": False, "finished": False, "reason": "rock_lost"}, "failure", "rock_lost"),
        ({"excavated": None}, "success", "lifted"),
        ({"excavated": None, "lifted": False, "reason": "no_rock"}, "failure", "no_rock"),
    ],
)
def test_truth_judges_where_it_is_known(changes, outcome, reason):
    judged = judge(dug(**changes))
    assert (judged.outcome, judged.reason) == (outcome, reason)


def test_a_batch_prepares_digs_and_writes_every_trial(ledger):
    cell = Cell()
    phases = []
    trials = run(ledger, cell, watch=lambda p: phases.append(p.phase))
    assert [t.outcome for t in trials] == ["success"] * 6
    assert cell.calls[:2] == [("prepare", 1), ("dig", 1, 50.0)]
    assert phases[:5] == ["preparing", "waiting", "running", "judging", "finished"]
    assert unpack(trials[0].trajectory)["age"] == [0.05, 0.06]
    assert trials[0].parameters == '{"twin": true}'


def test_a_trial_that_cannot_be_prepared_is_aborted_and_does_not_count(ledger):
    trials = run(ledger, Cell(broken={2}))
    assert [t.outcome for t in trials] == ["success", "aborted", *["success"] * 4]
    assert "protective stop" in trials[1].message
    assert (Rate.of(trials).successes, Rate.of(trials).trials) == (5, 5)


def test_a_cell_that_is_ready_at_the_second_asking_costs_no_trial(ledger):
    cell = Cell(slow={2})
    trials = run(ledger, cell)
    assert [t.outcome for t in trials] == ["success"] * 6
    assert [call[0] for call in cell.calls[:5]] == ["prepare", "dig", "prepare", "prepare", "dig"]


def test_a_cell_that_stays_broken_ends_the_batch_and_keeps_the_rest_planned(ledger):
    with pytest.raises(NotReadyError, match="3 trials in a row .* protective stop"):
        run(ledger, Cell(broken={1, 2, 3, 4}))
    assert [t.status for t in ledger.trials()] == ["done"] * 3 + ["planned"] * 3


def test_the_operator_confirms_each_trial_and_has_the_last_word(ledger):
    said = []
    person = PromptingOperator(said.append, stopped=lambda: False)
    for word in ("", "", "", "f", "p", "", "s", "q"):
        person.answers.put(word)
    results = [dug(excavated=None), dug(excavated=None), dug(excavated=None, lifted=False, reason="no_rock")]
    with pytest.raises(StoppedError):
        run(ledger, Cell(*results), operator=person)
    trials = ledger.trials()
    assert [t.verdict for t in trials[:3]] == ["", "failure", "success"]
    assert [t.success for t in trials[:3]] == [True, False, True]
    assert [t.status for t in trials] == ["done"] * 3 + ["running"] + ["planned"] * 2
    assert "paused; Enter goes on" in said


def test_a_batch_is_gone_on_with_tomorrow(tmp_path):
    person = PromptingOperator(lambda text: None, stopped=lambda: False)
    for word in ("", "", "q"):
        person.answers.put(word)
    with Ledger(tmp_path / "l") as ledger, pytest.raises(StoppedError):
        run(ledger, Cell(), operator=person)
    with Ledger(tmp_path / "l") as ledger:
        cell = Cell()
        trials = run(ledger, cell)
        assert [c[1] for c in cell.calls if c[0] == "dig"] == [2, 3, 4, 5, 6]
        assert sorted(t.status for t in trials) == ["done"] * 6 + ["interrupted"]


def test_a_stop_request_reaches_a_waiting_operator(ledger):
    stop = threading.Event()
    person = PromptingOperator(lambda text: stop.set(), stopped=stop.is_set)
    with pytest.raises(StoppedError, match="asked to end"):
        run(ledger, Cell(), operator=person)


def test_the_summary_counts_what_was_dug(ledger):
    batch = Batch("b", ("cube_sand", "plate_sand"), policies=("good", "bad"), repetitions=3, order="listed")

    class ByPolicy(Cell):
        def dig(self, trial, *, timeout):
            times = {"time": [0.1 * i + 0.001 * (i % 2) for i in range(9)], "age": [0.08] * 9}
            times["inference_time"] = [1e-4] * 9
            good = trial.policy == "good"
            reason = "lifted" if good else "rock_lost"
            return dug(lifted=good, excavated=good, finished=good, reason=reason, trajectory=times)

    trials = run(ledger, ByPolicy(), batch=batch)
    assert str(Rate.of(trials)) == "6/12 = 50% [25%, 75%]"
    assert by_environment(trials)["cube_sand"] == Rate(3, 6)
    assert reasons(trials) == {"rock_lost": 6}
    (comparison,) = comparisons(trials)
    assert (comparison.first, comparison.second, comparison.pairs) == ("bad", "good", 6)
    assert (comparison.only_first, comparison.only_second) == (0, 6)
    assert comparison.p_value == pytest.approx(2 / 2**6)
    assert latency(trials).observation_age_p99 == pytest.approx(0.08)
    assert latency(trials).period_jitter_p99 < 0.003
    numbers = as_json(trials, report="r.html")
    assert numbers["environments"]["plate_sand"]["trials"] == 6
    assert numbers["failures"] == {"rock_lost": 6}


def test_a_full_disk_ends_the_batch_with_the_remedy_and_the_trial_is_run_again(tmp_path):
    class FillsDisk(Cell):
        def dig(self, trial, *, timeout):
            if trial.number == 2:
                pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
                ledger._db.execute(f"PRAGMA max_page_count = {pages}")
            return dug(trajectory={"time": np.random.default_rng(0).random(50_000).tolist()})

    with Ledger(tmp_path / "l") as ledger, pytest.raises(LedgerError, match="disk is full.*make room and run again"):
        run(ledger, FillsDisk())
    with Ledger(tmp_path / "l") as ledger:
        trials = run(ledger, Cell())
    assert [t.status for t in trials] == ["done", "interrupted", *["done"] * 5]
