"""The report's page: plain HTML with pictures inside, readable without a network."""

from __future__ import annotations

import base64
import html
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prpd_control.report.plots import Captioned
from prpd_control.trials.ledger import Trial
from prpd_control.trials.summary import Rate, by_environment, comparisons, latency, policy_name, reasons

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2rem 1.2rem .2rem 0; text-align: left; white-space: nowrap } td:last-child { white-space: normal }
th { border-bottom: 1px solid #999 } td { border-bottom: 1px solid #eee }
img, video { width: 100% } figure { margin: 1.5rem 0 } figcaption { color: #555; font-size: .9rem }
.big { font-size: 2rem; margin: .5rem 0 0 } .good { color: #2a7f62 } .bad { color: #b23a48 }
.warning { background: #fff3cd; padding: .6rem }
"""
RATE_HEADER = ("environment", "successes", "rate", "95 % interval")
TRIAL_HEADER = ("trial", "environment", "policy", "outcome", "verdict", "reason", "s", "steps", "N", "message")


def render(
    batch: Mapping[str, Any],
    trials: Sequence[Trial],
    *,
    figures: Sequence[Captioned],
    strips: Sequence[Captioned],
    films: Sequence[Path] = (),
    written: str,
) -> str:
    """The whole page."""
    rates = by_environment(trials)
    parts = [
        f"<h1>Excavation trials: {html.escape(batch['name'])}</h1>",
        *_headline(Rate.of(trials), batch["batch"]["acceptance"]),
        f"<p>Batch of {_date(batch['created'])}, written {written}.</p>",
        *_warnings(trials),
        "<h2>Environments</h2>",
        _table(RATE_HEADER, [_row(n, r) for n, r in rates.items()]),
        *_policies(trials),
        *(["<h2>Figures</h2>"] if figures else []),
        *(_figure(caption, figure) for caption, figure in figures),
        *_latency(trials),
    ]
    if strips:
        parts += ["<h2>Best and worst</h2>", *(_figure(caption, figure) for caption, figure in strips)]
        parts += [_film(path) for path in films]
    parts += ["<h2>Trials</h2>", _trials(trials)]
    parts += ["<h2>Software</h2>", _table(("what", "version"), batch["versions"].items())]
    title = f"Excavation trials: {html.escape(batch['name'])}"
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{title}</title>"
    head += f"<style>{STYLE}</style>"
    body = "\n".join(parts)
    return f"<!doctype html>\n<html lang='en'><head>{head}</head><body>\n{body}\n</body></html>\n"


def _headline(rate: Rate, goal: float) -> list[str]:
    if not rate.trials:
        return ["<p class='big'>no trial has been run to its end</p>"]
    low, high = rate.interval
    passed = rate.value >= goal
    verdict = f"{'accepted' if passed else 'not accepted'}: {goal:.0%} are asked for"
    colour = "good" if passed else "bad"
    return [
        f"<p class='big {colour}'>{rate.successes} of {rate.trials} excavated, {rate.value:.0%}</p>",
        f"<p>95 % interval {low:.0%} to {high:.0%}; {verdict}.</p>",
    ]


def text_lines(batch: Mapping[str, Any], trials: Sequence[Trial]) -> list[str]:
    """The numbers as lines of text, for the PDF's first page."""
    lines = [f"Excavation trials: {batch['name']}", _date(batch["created"]), "", f"all: {Rate.of(trials)}", ""]
    lines += [f"{name:<20} {rate}" for name, rate in by_environment(trials).items()]
    lines += ["", *(f"{n} x {reason}" for reason, n in reasons(trials).most_common())]
    return lines


def _warnings(trials: Sequence[Trial]) -> list[str]:
    slow = [t for t in trials if t.real_time_factor is not None and t.real_time_factor < 0.95]
    cut = [t for t in trials if t.status == "interrupted"]
    texts = []
    if slow:
        worst = min(t.real_time_factor or 0.0 for t in slow)
        texts.append(f"In {len(slow)} trials the twin did not keep real time (down to {worst:.2f}); they prove little.")
    if cut:
        texts.append(f"{len(cut)} trials were cut off with their process and run again.")
    return [f"<p class='warning'>{html.escape(t)}</p>" for t in texts]


def _row(name: str, rate: Rate) -> tuple[str, str, str, str]:
    low, high = rate.interval
    value = f"{rate.value:.0%}" if rate.trials else "-"
    return name, f"{rate.successes} of {rate.trials}", value, f"{low:.0%} to {high:.0%}"


def _policies(trials: Sequence[Trial]) -> list[str]:
    found = comparisons(trials)
    if not found:
        return []
    rates = [
        (policy_name(p), str(Rate.of(t for t in trials if t.policy == p))) for p in sorted({t.policy for t in trials})
    ]
    header = ("first", "second", "same soils", "only first", "only second", "p (McNemar, exact)")
    rows = [(c.first, c.second, c.pairs, c.only_first, c.only_second, f"{c.p_value:.3g}") for c in found]
    return ["<h2>Policies</h2>", _table(("policy", "successes"), rates), _table(header, rows)]


def _latency(trials: Sequence[Trial]) -> list[str]:
    times = latency(trials)
    if times is None:
        return []
    rows = [
        ("age of the observation at its command", f"{1e3 * times.observation_age_p99:.0f} ms"),
        ("jitter of the policy's period", f"{1e3 * times.period_jitter_p99:.1f} ms"),
        ("inference", f"{1e3 * times.inference_p99:.2f} ms"),
    ]
    return [f"<h2>Timing</h2><p>99th percentiles over {times.steps} steps.</p>", _table(("what", "99 %"), rows)]


def _trials(trials: Sequence[Trial]) -> str:
    rows = [
        (
            t.id,
            t.environment,
            policy_name(t.policy),
            t.status if t.status != "done" else t.outcome,
            t.verdict,
            t.reason,
            "-" if t.duration is None else f"{t.duration:.1f}",
            t.steps,
            f"{t.peak_force:.0f}",
            t.message,
        )
        for t in trials
    ]
    return _table(TRIAL_HEADER, rows)


def _table(header: Sequence[str], rows: Any) -> str:
    head = "".join(f"<th>{html.escape(h)}</th>" for h in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(v))}</td>" for v in row) + "</tr>" for row in rows)
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _figure(caption: str, figure: Any) -> str:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    picture = base64.b64encode(data.getvalue()).decode()
    caption = html.escape(caption)
    image = f"<img alt='{caption}' src='data:image/png;base64,{picture}'>"
    return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"


def _film(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f"<video controls loop muted src='data:video/webm;base64,{data}'></video>"


def _date(stamp: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(stamp))
