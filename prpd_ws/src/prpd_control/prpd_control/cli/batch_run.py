"""Runs a batch on a graph of its own, with a live table: what `prpd trials` and `prpd demo` share."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from prpd_control.graph.description import TrialOptions, trial_graph, trials
from prpd_control.graph.launcher import running
from prpd_control.graph.reservation import reserve
from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, Trial
from prpd_control.trials.summary import Rate, as_json, by_environment, reasons

if TYPE_CHECKING:
    from rich.table import Table

    from prpd_control.graph.supervisor import Supervisor
    from prpd_control.trials.runner import Progress


@dataclass
class State:
    """What the thread that runs the batch tells the one that shows it."""

    number: int = 0
    trials: Sequence[Trial] = ()
    notes: list[str] = field(default_factory=lambda: ["starting the graph"])
    """What has happened, line by line."""
    failure: str = ""


def run(options: TrialOptions, batch: Batch, *, json_path: Path | None = None) -> int:
    """Run the batch and write its report; the exit status is 0 where the batch came to its end."""
    from prpd_control.cli.signals import stop_request
    from prpd_control.report.build import build_report

    folder = Path(options.folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        place = stack.enter_context(reserve(options, trials, own_domain=options.twin))
        domain, options = place.domain, place.options
        log = stack.enter_context((folder / "graph.log").open("w"))
        print(f"ROS domain {domain}, log {log.name}", flush=True)
        stop = stack.enter_context(stop_request())
        supervisor = stack.enter_context(running(trial_graph(options), domain=domain, output=log))
        state = State()
        thread = threading.Thread(target=_run_batch, args=(options, batch, state, supervisor, stop), name="batch")
        thread.start()
        show(state, thread)
        thread.join()
    if state.failure:
        print(f"prpd: {state.failure}\nthe whole log is in {log.name}", file=sys.stderr)
    if not state.number:
        return 1
    with Ledger(folder / "ledger.sqlite", writable=False) as ledger:
        done = ledger.trials(state.number)
    report = build_report(folder / "ledger.sqlite", batch=state.number, folder=folder)
    if json_path is not None:
        json_path.write_text(json.dumps(as_json(done, report=str(report)), indent=1) + "\n")
    print(f"report: {report}")
    return 1 if state.failure else 130 if stop else 0


def _run_batch(options: TrialOptions, batch: Batch, state: State, supervisor: Supervisor, stop: object) -> None:
    """In a thread of its own, for it blocks; every error ends up in the state."""
    from prpd_control.trials.node import open_batch, run_batch, spinning
    from prpd_control.trials.operator import PromptingOperator, listen_to_terminal
    from prpd_control.trials.runner import NoOperator, NotReadyError, StoppedError
    from prpd_task.errors import UserError

    def stopped() -> bool:
        return bool(stop) or supervisor.ending() is not None

    def watch(progress: Progress) -> None:
        if progress.phase == "finished":
            state.trials = ledger.trials(state.number)
        if not (options.twin and progress.phase in ("waiting", "judging")):  # for an operator, whom a twin has not
            state.notes.append(_note(progress))

    person = PromptingOperator(lambda text: print(text, flush=True), stopped=stopped)
    if not options.twin:
        threading.Thread(target=listen_to_terminal, args=(person,), daemon=True).start()
    folder = Path(options.folder).expanduser()
    try:
        while "bring_up" in supervisor.pids and not stopped():
            time.sleep(0.1)
        with Ledger(folder / "ledger.sqlite") as ledger, spinning("trials") as node:
            state.number = open_batch(ledger, batch, restart=options.restart)
            state.trials = ledger.trials(state.number)
            if not stopped():
                run_batch(
                    node,
                    ledger,
                    batch,
                    number=state.number,
                    twin_address=options.address if options.twin else "",
                    folder=folder,
                    operator=NoOperator() if options.twin else person,
                    stopped=stopped,
                    watch=watch,
                )
    except StoppedError:
        pass
    except (UserError, NotReadyError) as error:
        state.failure = str(error)
    finally:
        ending = supervisor.ending()
        if ending is not None:
            state.failure = ending.message


def show(state: State, thread: threading.Thread) -> None:
    """A table that is kept up to date; where no terminal is, each note on a line of its own."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    started = time.monotonic()
    if not console.is_terminal:
        shown, alive = 0, True
        while alive:
            alive = thread.is_alive()
            for note in state.notes[shown:]:
                console.print(f"{time.monotonic() - started:6.1f} s  {note}", highlight=False)
                shown += 1
            time.sleep(0.1)
        console.print(table(state.trials))
        return
    with Live(console=console, refresh_per_second=4) as live:
        while thread.is_alive():
            shown_table = table(state.trials)
            shown_table.caption = f"{time.monotonic() - started:.0f} s: {state.notes[-1]}"
            live.update(shown_table)
            time.sleep(0.25)
        live.update(table(state.trials))


def _note(progress: Progress) -> str:
    outcome = progress.outcome if progress.phase == "finished" else None
    end = f": {outcome.outcome} ({outcome.reason}, {outcome.duration:.1f} s)" if outcome else ""
    return f"trial {progress.trial.number}, {progress.trial.environment}: {progress.phase}{end}"


def table(trials: Sequence[Trial]) -> Table:
    """Successes per environment."""
    from rich.table import Table

    result = Table(title=f"excavated: {Rate.of(trials)}")
    for name in ("environment", "excavated", "95 % interval", "s", "N", "failures"):
        result.add_column(name, justify="left" if name in ("environment", "failures") else "right")
    for name, rate in by_environment(trials).items():
        done = [t for t in trials if t.environment == name and t.status == "done"]
        low, high = rate.interval
        mean = sum(t.duration or 0.0 for t in done) / len(done) if done else float("nan")
        result.add_row(
            name,
            f"{rate.successes}/{rate.trials}",
            f"{low:.0%} - {high:.0%}" if rate.trials else "-",
            f"{mean:.1f}" if done else "-",
            f"{max(t.peak_force for t in done):.0f}" if done else "-",
            ", ".join(f"{r} x{n}" if n > 1 else r for r, n in reasons(done).items()),
        )
    return result
