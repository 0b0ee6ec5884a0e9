"""From a ledger to the report's files."""

from __future__ import annotations

import time
from pathlib import Path

from prpd_control.report import page, plots
from prpd_control.report.strips import LEGEND, strip
from prpd_control.trials.ledger import Ledger, Trial, unpack
from prpd_task.errors import UserError


def build_report(
    ledger_path: Path, *, batch: int | None = None, folder: Path, pdf: bool = False, videos: bool = False
) -> Path:
    """Write `report.html` (and `report.pdf`) of one batch, the last by default, into `folder`; the page's path.

    With `videos`, also a film per trial that has a recording; those of the best and the worst are in the page.
    """
    with Ledger(ledger_path, writable=False) as ledger:
        batches = ledger.batches()
        if not batches:
            raise UserError(f"{ledger_path} holds no batch yet; run `prpd trials` first")
        chosen = next((b for b in batches if b["id"] == (batch or batches[-1]["id"])), None)
        if chosen is None:
            raise UserError(f"{ledger_path} has no batch {batch}; it has {', '.join(str(b['id']) for b in batches)}")
        trials = ledger.trials(chosen["id"])
    figures = plots.figures(trials)
    strips = [
        (f"{label}: trial {trial.id}, {trial.environment}, {trial.outcome} ({trial.reason}); {LEGEND}", figure)
        for label, trial in best_and_worst(trials).items()
        if (figure := strip(ledger_path.parent, trial)) is not None
    ]
    folder.mkdir(parents=True, exist_ok=True)
    films = _films(ledger_path.parent, trials, folder / "videos") if videos else {}
    shown = [films[t.id] for t in best_and_worst(trials).values() if t.id in films]
    path = folder / "report.html"
    written = time.strftime("%Y-%m-%d %H:%M")
    path.write_text(page.render(chosen, trials, figures=figures, strips=strips, films=shown, written=written))
    if pdf:
        plots.save_pdf(folder / "report.pdf", page.text_lines(chosen, trials), figures, strips)
    plots.close(figures, strips)
    return path


def _films(ledger_folder: Path, trials: list[Trial], folder: Path) -> dict[int, Path]:
    """A film per trial, by the trial's number in the ledger, of those whose recording can be read."""
    from prpd_control.report.video import write_video

    films = {}
    for trial in (t for t in trials if t.status == "done" and t.recording):
        target = folder / Path(trial.recording).with_suffix(".webm").name
        title = f"trial {trial.id}, {trial.environment}, {trial.outcome}"
        if write_video(ledger_folder / trial.recording, target, title=title):
            films[trial.id] = target
    return films


def best_and_worst(trials: list[Trial]) -> dict[str, Trial]:
    """The quickest success, and the failure that lasted longest; what there is of them."""
    done = [t for t in trials if t.status == "done" and unpack(t.trajectory)]
    successes, failures = [t for t in done if t.success], [t for t in done if not t.success]
    result = {}
    if successes:
        result["best"] = min(successes, key=lambda t: t.duration or 0.0)
    if failures:
        result["worst"] = max(failures, key=lambda t: t.duration or 0.0)
    return result
