"""Why an excavation ended: one code per cause, with its outcome and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from prpd_control.excavate.readings import RockReading, RockStatus


class Outcome(IntEnum):
    """As in Excavate.action."""

    SUCCESS = 0
    FAILURE = 1
    STOPPED = 2
    CANCELED = 3


class Reason(Enum):
    """Reason code, outcome, and advice for people."""

    LIFTED = ("lifted", Outcome.SUCCESS, "the rock is in the bucket, clear of the soil")
    STEPS_EXHAUSTED = ("steps_exhausted", Outcome.FAILURE, "the policy used all its steps without lifting the rock")
    NO_ROCK = ("no_rock", Outcome.FAILURE, "no confident rock state; check that the camera sees a rock in the box")
    HOME_FAILED = ("home_failed", Outcome.STOPPED, "the arm could not go home")
    NOT_ARRIVED = ("not_arrived", Outcome.STOPPED, "the bucket did not get where it was sent; check what blocks it")
    STALE_BUCKET_STATE = ("stale_bucket_state", Outcome.STOPPED, "no fresh bucket state; check the bucket driver")
    STALE_ROCK_STATE = ("stale_rock_state", Outcome.STOPPED, "no fresh rock state; check camera and perception")
    ROCK_LOST = ("rock_lost", Outcome.STOPPED, "perception lost the rock and did not find it again")
    BAD_IMAGE = ("bad_image", Outcome.STOPPED, "perception cannot use the camera's images")
    CAMERA_MOVED = ("camera_moved", Outcome.STOPPED, "the camera is not where calibration has it; calibrate again")
    OUT_OF_RANGE = ("out_of_range", Outcome.STOPPED, "the policy was never trained for what it sees")
    POLICY_FAILED = ("policy_failed", Outcome.STOPPED, "the policy gave no usable answer")
    DRIVER_STOPPED = ("driver_stopped", Outcome.STOPPED, "the bucket driver stopped; go on with bucket_driver/recover")
    DRIVER_FAULT = ("driver_fault", Outcome.STOPPED, "the robot's controller stopped; a person must look first")
    DRIVER_DISCONNECTED = ("driver_disconnected", Outcome.STOPPED, "no connection to the robot's controller")
    TIMEOUT = ("timeout", Outcome.STOPPED, "the excavation took longer than it was given")
    CANCELED = ("canceled", Outcome.CANCELED, "canceled on request")
    SHUTDOWN = ("shutdown", Outcome.STOPPED, "the excavation node is shutting down")

    def __init__(self, code: str, outcome: Outcome, advice: str) -> None:
        self.code = code
        self.outcome = outcome
        self.advice = advice


@dataclass(frozen=True)
class Result:
    """How an excavation ended."""

    reason: Reason
    detail: str = ""
    """What exactly was seen, for people."""

    @property
    def outcome(self) -> Outcome:
        """Of the reason."""
        return self.reason.outcome

    @property
    def message(self) -> str:
        """What happened and what to do, in one line."""
        return f"{self.reason.advice} ({self.detail})" if self.detail else self.reason.advice


def why_blind(rock: RockReading | None, *, now: float, otherwise: Reason) -> Result:
    """Why the rock is not known well enough to go on; `otherwise` where its state does not say."""
    if rock is None:
        return Result(Reason.STALE_ROCK_STATE, "no rock state was ever seen")
    reasons = {
        RockStatus.LOST: Reason.NO_ROCK if otherwise is Reason.NO_ROCK else Reason.ROCK_LOST,
        RockStatus.STALE_IMAGE: Reason.STALE_ROCK_STATE,
        RockStatus.BAD_IMAGE: Reason.BAD_IMAGE,
        RockStatus.CAMERA_MOVED: Reason.CAMERA_MOVED,
    }
    detail = (
        f"status {rock.status.name}, confidence {rock.confidence:.2f}, {now - rock.stamp:.2f} s old; {rock.message}"
    )
    return Result(reasons.get(rock.status, otherwise), detail.rstrip("; "))
