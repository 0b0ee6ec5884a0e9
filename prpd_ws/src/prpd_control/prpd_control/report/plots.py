"""The figures of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from prpd_control.trials.ledger import Trial, unpack
from prpd_control.trials.summary import Rate, by_environment, policy_name, reasons

matplotlib.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

GOOD, BAD, GREY = "#2a7f62", "#b23a48", "#888888"
WIDTH = 10.0
"""in, of every figure, so that text has one size on the page."""
Captioned = tuple[str, Figure]


def figures(trials: Sequence[Trial]) -> list[Captioned]:
    """All that the trials have data for, with captions."""
    done = [t for t in trials if t.status == "done" and t.outcome != "aborted"]
    drawers: list[tuple[str, Callable[[Sequence[Trial]], Figure | None]]] = [
        ("Share of successes per environment, with 95 % Wilson intervals", success),
        ("Why trials failed", failures),
        ("Duration and peak force of each trial; green: success, red: failure", durations_and_forces),
        ("What the policy saw, step by step: rock relative to the bucket, pitch, rock in bucket", trajectories),
        ("Age of the observation that each command acts on, and time between two commands", timing),
    ]
    return [(caption, figure) for caption, draw in drawers if done and (figure := draw(done)) is not None]


def success(trials: Sequence[Trial]) -> Figure:
    """A point with an interval per environment and policy."""
    policies = sorted({t.policy for t in trials})
    names = sorted({t.environment for t in trials})
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.38 * len(names)))
    for i, policy in enumerate(policies):
        rates = by_environment([t for t in trials if t.policy == policy])
        offset = (i - (len(policies) - 1) / 2) * 0.2
        for row, name in enumerate(names):
            rate = rates.get(name, Rate(0, 0))
            if rate.trials:
                low, high = rate.interval
                axes.plot([low, high], [row + offset] * 2, color=f"C{i}", linewidth=2)
                axes.plot(rate.value, row + offset, "o", color=f"C{i}", label=policy_name(policy) if row == 0 else None)
    axes.set(xlim=(-0.02, 1.02), xlabel="share of successes")
    _rows(axes, names)
    axes.grid(axis="x", alpha=0.3)
    if len(policies) > 1:
        axes.legend()
    return _tight(figure)


def failures(trials: Sequence[Trial]) -> Figure | None:
    """A bar per reason."""
    counts = reasons(trials).most_common()
    if not counts:
        return None
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.35 * len(counts)))
    axes.barh(range(len(counts)), [n for _, n in counts], color=BAD, height=0.6)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("trials")
    _rows(axes, [reason for reason, _ in counts])
    return _tight(figure)


def durations_and_forces(trials: Sequence[Trial]) -> Figure:
    """One point per trial."""
    names = sorted({t.environment for t in trials})
    figure, both = plt.subplots(1, 2, figsize=(WIDTH, 0.9 + 0.38 * len(names)), sharey=True)
    generator = np.random.default_rng(0)  # of the vertical scatter alone
    quantities: list[tuple[str, Callable[[Trial], float]]] = [
        ("duration, s", lambda t: t.duration or 0.0),
        ("peak force, N", lambda t: t.peak_force),
    ]
    for axes, (label, value) in zip(both, quantities, strict=True):
        for trial in trials:
            row = names.index(trial.environment) + generator.uniform(-0.18, 0.18)
            axes.plot(value(trial), row, "o", color=GOOD if trial.success else BAD, markersize=4)
        axes.set(xlabel=label, xlim=(0.0, 1.05 * max(map(value, trials)) or 1.0))
        axes.grid(axis="x", alpha=0.3)
    _rows(both[0], names)
    return _tight(figure)


def trajectories(trials: Sequence[Trial]) -> Figure | None:
    """As the paper shows them: position of the rock relative to the bucket, pitch and flag over the steps."""
    figure, rows = plt.subplots(5, 1, figsize=(WIDTH, 8), sharex=True)
    drawn = 0
    for trial in trials:
        seen = np.array(unpack(trial.trajectory).get("observation", []))
        if seen.ndim != 2 or seen.shape[1] < 8:
            continue
        drawn += 1
        # As in the paper's figure: where the rock is, seen from the bucket.
        columns = [1e3 * (seen[:, 4 + i] - seen[:, i]) for i in range(3)] + [np.degrees(seen[:, 3]), seen[:, 7]]
        for axes, column in zip(rows, columns, strict=True):
            axes.plot(column, color=GOOD if trial.success else BAD, alpha=0.35, linewidth=1)
    if not drawn:
        plt.close(figure)
        return None
    for axes, label in zip(rows, ("x, mm", "y, mm", "z, mm", "pitch, deg", "in bucket"), strict=True):
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    rows[-1].set_xlabel("step of the policy")
    return _tight(figure)


def timing(trials: Sequence[Trial]) -> Figure | None:
    """Histograms of observation age and period."""
    ages, periods = [], []
    for trial in trials:
        columns = unpack(trial.trajectory)
        ages += columns.get("age", [])
        periods += np.diff(columns.get("time", [])).tolist()
    if not ages or not periods:
        return None
    figure, both = plt.subplots(1, 2, figsize=(WIDTH, 2.6))
    for axes, values, label in zip(both, (ages, periods), ("observation age, ms", "policy period, ms"), strict=True):
        axes.hist(1e3 * np.array(values), bins=60, range=(0.0, 1.05e3 * max(values)), color=GREY)
        axes.set(xlabel=label, yscale="log", ylabel="steps")
    return _tight(figure)


def save_pdf(path: Path, text: Sequence[str], figures: Sequence[Captioned], strips: Sequence[Captioned]) -> None:
    """A page of text, then a page per figure."""
    with PdfPages(path) as pdf:
        first = plt.figure(figsize=(8.3, 11.7))
        first.text(0.08, 0.95, "\n".join(text), family="monospace", fontsize=8, va="top")
        pdf.savefig(first)
        plt.close(first)
        for caption, figure in (*figures, *strips):
            figure.suptitle(caption, fontsize=9, y=1.0, verticalalignment="bottom")
            pdf.savefig(figure, bbox_inches="tight")


def close(*groups: Sequence[Captioned]) -> None:
    """Free the figures."""
    for group in groups:
        for _, figure in group:
            plt.close(figure)


def _rows(axes: Any, names: Sequence[str]) -> None:
    """A row per name, the first on top, none cut by the frame."""
    axes.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6))


def _tight(figure: Figure) -> Figure:
    figure.tight_layout()
    return figure


def grid(images: Sequence[np.ndarray], titles: Sequence[str], **show: Any) -> Figure:
    """Pictures side by side."""
    height, width = images[0].shape[:2]
    each = WIDTH / len(images)
    figure, row = plt.subplots(1, len(images), figsize=(WIDTH, each * height / width + 0.4), squeeze=False)
    for axes, image, title in zip(row[0], images, titles, strict=True):
        axes.imshow(image, **show)
        axes.set_facecolor("#dddddd")
        axes.set_title(title, fontsize=9)
        axes.set(xticks=[], yticks=[])
    return _tight(figure)
