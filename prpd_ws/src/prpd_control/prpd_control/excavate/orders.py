"""What goes into one tick of an excavation, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from prpd_control.excavate.readings import BucketReading, RockReading
from prpd_control.excavate.reasons import Result
from prpd_control.policy.runtime import Decision


class Phase(StrEnum):
    """As in Excavate.action's feedback."""

    HOME = "home"
    SURVEY = "survey"
    APPROACH = "approach"
    DIG = "dig"
    VERIFY = "verify"
    DUMP = "dump"
    RETURN = "return"


@dataclass(frozen=True)
class Inputs:
    """What is known at one tick."""

    now: float
    """s, in the clock of the readings' stamps."""
    bucket: BucketReading | None
    rock: RockReading | None
    homed: bool | None = None
    """The driver's answer to the last request to go home; None while it is out."""
    home_message: str = ""
    cancel: bool = False


@dataclass(frozen=True)
class PolicyStep:
    """One step of the policy, for the record."""

    stamp: float
    """s, of the oldest part of the observation."""
    step: int
    observation: np.ndarray
    decision: Decision
    age: float
    """s, of that oldest part when it was used."""
    range_violation: float


@dataclass(frozen=True)
class Order:
    """What to do in this control period."""

    phase: Phase
    target: np.ndarray | None = None
    """(4,) command the bucket there; None: send no command."""
    stamp: float = 0.0
    """s, of the observation that the target answers."""
    last: bool = False
    """No command follows: the bucket shall come to rest at the target."""
    at_rest: bool = False
    """Nothing moves, nothing waits: this control period may be longer or shorter than others."""
    go_home: bool = False
    """Ask the driver to go home."""
    forget_rock: bool = False
    """Ask perception to forget what it knows: this is another rock, or the same one elsewhere."""
    policy_step: PolicyStep | None = None
    result: Result | None = None
    """The excavation is over; if it did not succeed, stop the bucket."""
