"""Which grain size comes next."""

from prpd_train.schedule.auto import Candidate, next_delta
from prpd_train.schedule.config import ScheduleConfig, first_delta, fixed_deltas

__all__ = ["Candidate", "ScheduleConfig", "first_delta", "fixed_deltas", "next_delta"]
