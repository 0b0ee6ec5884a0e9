"""What a set of trials amounts to: the numbers of the table, the JSON file and the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prpd_control.trials.ledger import Trial, unpack
from prpd_control.trials.statistics import paired_test
from prpd_task.statistics import wilson_interval


@dataclass(frozen=True)
class Rate:
    """Successes among trials, with the 95 % interval of the probability."""

    successes: int
    trials: int

    @classmethod
    def of(cls, trials: Iterable[Trial]) -> Rate:
        """Among trials that were run to their end."""
        outcomes = [t.success for t in trials if t.status == "done" and t.outcome != "aborted"]
        return cls(sum(outcomes), len(outcomes))

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's."""
        return wilson_interval(self.successes, self.trials)

    @property
    def value(self) -> float:
        """Share of successes; NaN without trials."""
        return self.successes / self.trials if self.trials else float("nan")

    def __str__(self) -> str:
        if not self.trials:
            return "-"
        low, high = self.interval
        return f"{self.successes}/{self.trials} = {self.value:.0%} [{low:.0%}, {high:.0%}]"


@dataclass(frozen=True)
class Comparison:
    """Two policies on the same soils."""

    first: str
    second: str
    pairs: int
    only_first: int
    """Soils on which only the first policy succeeded."""
    only_second: int
    p_value: float
    """McNemar's exact test."""


@dataclass(frozen=True)
class Latency:
    """Of the policy loop, over all steps."""

    steps: int
    period_jitter_p99: float
    """s, deviation of the time between two steps from its median."""
    observation_age_p50: float
    """s, from the image to the command."""
    observation_age_p99: float
    inference_p99: float
    """s."""


def policy_name(path: str) -> str:
    """For people: the file's name without its ending, or the shipped policy's."""
    return Path(path).stem if path else "paper"


def by_environment(trials: Sequence[Trial]) -> dict[str, Rate]:
    """In alphabetical order."""
    names = sorted({t.environment for t in trials})
    return {name: Rate.of(t for t in trials if t.environment == name) for name in names}


def reasons(trials: Sequence[Trial]) -> Counter[str]:
    """Of all that did not succeed."""
    return Counter(t.reason for t in trials if t.status == "done" and not t.success)


def comparisons(trials: Sequence[Trial]) -> list[Comparison]:
    """Every pair of policies, on the soils that both have dug."""
    policies = sorted({t.policy for t in trials})
    outcomes = {
        policy: {
            (t.environment, t.seed): t.success
            for t in trials
            if t.policy == policy and t.status == "done" and t.outcome != "aborted"
        }
        for policy in policies
    }
    result = []
    for i, first in enumerate(policies):
        for second in policies[i + 1 :]:
            shared = sorted(outcomes[first].keys() & outcomes[second].keys())
            a, b = ([outcomes[p][key] for key in shared] for p in (first, second))
            result.append(Comparison(policy_name(first), policy_name(second), len(shared), *paired_test(a, b)))
    return result


def latency(trials: Sequence[Trial]) -> Latency | None:
    """None where no steps were kept."""
    jitters, ages, inferences = [], [], []
    for trial in trials:
        columns = unpack(trial.trajectory)
        times = np.array(columns.get("time", []))
        if len(times) < 3:
            continue
        periods = np.diff(times)
        usual = np.median(periods)
        # A wait for a fresh observation is a decision of the loop, not jitter: it shows as whole periods left out.
        jitters.append(np.abs(periods - usual * np.maximum(np.round(periods / usual), 1)))
        ages.append(columns["age"])
        inferences.append(columns["inference_time"])
    if not jitters:
        return None
    return Latency(
        steps=sum(len(a) for a in ages),
        period_jitter_p99=float(np.percentile(np.concatenate(jitters), 99)),
        observation_age_p50=float(np.percentile(np.concatenate(ages), 50)),
        observation_age_p99=float(np.percentile(np.concatenate(ages), 99)),
        inference_p99=float(np.percentile(np.concatenate(inferences), 99)),
    )


def as_json(trials: Sequence[Trial], *, report: str) -> dict[str, object]:
    """The batch in numbers, for other programs."""

    def entry(rate: Rate) -> dict[str, object]:
        low, high = rate.interval
        return {"successes": rate.successes, "trials": rate.trials, "low": low, "high": high}

    times = latency(trials)
    factors = [t.real_time_factor for t in trials if t.real_time_factor is not None]
    return {
        "all": entry(Rate.of(trials)),
        "environments": {name: entry(rate) for name, rate in by_environment(trials).items()},
        "failures": dict(reasons(trials)),
        "comparisons": [vars(c) for c in comparisons(trials)],
        "latency": vars(times) if times else None,
        "slowest_real_time_factor": min(factors, default=None),
        "report": report,
    }
