"""What the studies vary: the paper's experiments and sensitivity checks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, List

from prpd_task.errors import UserError
from prpd_train.runs.config import TrainConfig, without_randomisation
from prpd_train.schedule.config import fixed_deltas

INTERVALS = (0.005, 0.01, 0.02, 0.03)
"""m, the paper's steps between grain sizes."""
TARGETS = (0.7, 0.8, 0.9, 0.95)
"""The paper's target success rates of all stages but the last, whose own does not change: times to the same success."""


@dataclass(frozen=True)
class Variant:
    """One setting of a study."""

    name: str
    config: TrainConfig


def _transfer(base: TrainConfig, name: str, **changes: object) -> Variant:
    return Variant(name, replace(base, transfer=replace(base.transfer, **changes)))  # type: ignore[arg-type]


def _schedule(base: TrainConfig, name: str, **changes: object) -> Variant:
    if "mode" in changes:  # a base whose grain sizes are listed lends its list to no other mode
        changes = {"deltas": (), **changes}
    return Variant(name, replace(base, schedule=replace(base.schedule, **changes)))  # type: ignore[arg-type]


def alpha(base: TrainConfig) -> List[Variant]:
    """Fixed mixture rates against the estimated ones."""
    fixed = [_transfer(base, f"alpha {a:g}", alpha="fixed", fixed_alpha=a) for a in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return [
        *fixed,
        _transfer(base, "alpha optimal", alpha="optimal"),
        _transfer(base, "alpha returns", alpha="returns"),
    ]


def interval(base: TrainConfig) -> List[Variant]:
    """Steps between grain sizes, and the schedule that chooses them itself."""
    fixed = [_schedule(base, f"interval {i * 1000:g} mm", mode="interval", interval=i) for i in INTERVALS]
    return [*fixed, _schedule(base, "auto", mode="auto")]


def resolution(base: TrainConfig) -> List[Variant]:
    """Each grain size of the schedule alone, from the start: the policies of the paper's Table IV."""
    return [
        _schedule(base, f"{delta * 1000:g} mm only", mode="list", deltas=(delta,))
        for delta in fixed_deltas(base.schedule)
    ]


def target(base: TrainConfig) -> List[Variant]:
    """The success rate at which a stage is done and a finer one begins."""
    return [_schedule(base, f"target {t:g}", coarse_target=t) for t in TARGETS]


def interval_and_target(base: TrainConfig) -> List[Variant]:
    """Every step between grain sizes with every target, as a map."""
    return [
        _schedule(base, f"interval {i * 1000:g} mm target {t:g}", mode="interval", interval=i, coarse_target=t)
        for i in INTERVALS
        for t in TARGETS
    ]


def weights(base: TrainConfig) -> List[Variant]:
    """c3 (transfer) and c4 (Q network) of the combined loss."""
    c3 = [_transfer(base, f"c3 {w:g}", weight=w) for w in (0.01, 0.1, 0.5, 1.0, 10.0)]
    c4 = [
        Variant(f"c4 {w:g}", replace(base, ppo=replace(base.ppo, q_weight=w))) for w in (0.05, 1.0)
    ]  # 0.5 is the base, which stands under c3
    return c3 + c4


def randomisation(base: TrainConfig) -> List[Variant]:
    """With and without domain randomisation."""
    return [Variant("randomised", base), Variant("not randomised", without_randomisation(base))]


def baseline(base: TrainConfig) -> List[Variant]:
    """PRPD against one grain size from the start, and against inheriting without a teacher, in one step and in all."""
    first, last = base.schedule.first, base.schedule.last
    untaught = _transfer(base, "inherit only", weight=0.0)
    return [
        _schedule(base, "prpd", mode="interval"),
        _schedule(base, "prpd auto", mode="auto"),
        _schedule(base, "fine only", mode="list", deltas=(last,)),
        _schedule(untaught.config, "coarse then fine", mode="list", deltas=(first, last)),
        untaught,
    ]


STUDIES: Dict[str, Callable[[TrainConfig], List[Variant]]] = {
    "alpha": alpha,
    "baseline": baseline,
    "interval": interval,
    "map": interval_and_target,
    "randomisation": randomisation,
    "resolution": resolution,
    "target": target,
    "weights": weights,
}


def variants(study: str, base: TrainConfig) -> List[Variant]:
    """The settings of a study around a base."""
    if study not in STUDIES:
        raise UserError(f"study {study!r} is not known; choose one of {', '.join(STUDIES)}")
    return STUDIES[study](base)
