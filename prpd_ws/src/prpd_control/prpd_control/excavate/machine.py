"""One excavation as a state machine: readings in, orders out, once per control period; no ROS, no clock of its own.

    home -> survey -> approach -> dig -> verify -> (hold: end) | dump -> return
                                   ^        |
                                   +--------+  the rock did not stay: dig on while steps are left

Whatever goes wrong ends in an order to stop, with a reason. Only a rock that was not lifted is followed by the journey
home: then nothing is wrong with the machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prpd_control.excavate.history import BucketHistory
from prpd_control.excavate.orders import Inputs, Order, Phase, PolicyStep
from prpd_control.excavate.readings import BucketReading, RockReading, RockStatus, observation
from prpd_control.excavate.reasons import Reason, Result, why_blind
from prpd_control.excavate.route import Journey, NotArrivedError, Travel, over_the_top
from prpd_control.excavate.settings import ExcavationSettings
from prpd_control.modes import Mode
from prpd_control.policy.runtime import Policy, PolicyError, range_violation, worst_input
from prpd_task.action import next_target
from prpd_task.frames import bucket_to_soil

WEIGHING_TIME = 0.3
"""s, over which the force on the bucket is averaged."""
BRAKING_TIME = 0.15
"""s after which a bucket that got no command stands still, and its state says so. The driver takes a command that is
`command_timeout` late for a fault."""


class Excavation:
    """One run. `tick` is called once per control period until an order carries a result."""

    def __init__(
        self, policy: Policy, settings: ExcavationSettings, *, now: float, hold: bool, timeout: float | None = None
    ) -> None:
        self._policy = policy
        self._task = policy.contract.task
        self._settings = settings
        self._hold = hold
        self._deadline = now + (timeout or settings.timeout)
        self._phase = Phase.HOME
        self._entered = now
        self._asked_home = False
        self._confident = 0
        self._survey_stamp = -np.inf
        self._travel = Travel(
            settings.travel_speed, settings.travel_turn_rate, settings.arrival_tolerance, settings.arrival_timeout
        )
        self._journey: Journey | None = None
        self._target = np.zeros(4)
        self._holding = 0
        self._blind_since: float | None = None
        self._held = False
        self._pending: Result | None = None
        self._history = BucketHistory(2 * self._task.max_observation_age)
        self.steps = 0
        self.peak_force = 0.0

    @property
    def phase(self) -> Phase:
        """Of the last order."""
        return self._phase

    def tick(self, inputs: Inputs) -> Order:
        """The order for this period."""
        if inputs.bucket is None:
            return Order(self._phase, result=Result(Reason.STALE_BUCKET_STATE, "none was ever seen"))
        self.see(inputs.bucket)
        trouble = self._trouble(inputs, inputs.bucket)
        if trouble is not None:
            return Order(self._phase, result=trouble)
        if inputs.now - inputs.bucket.stamp > self._task.max_observation_age:
            return Order(self._phase)  # without a command the driver brakes; whether it did, a later state will tell
        phases: dict[Phase, Callable[[Inputs, BucketReading], Order]] = {
            Phase.HOME: self._home,
            Phase.SURVEY: self._survey,
            Phase.APPROACH: self._approach,
            Phase.DIG: self._dig,
            Phase.VERIFY: self._verify,
            Phase.DUMP: self._dump,
            Phase.RETURN: self._return,
        }
        try:
            return phases[self._phase](inputs, inputs.bucket)
        except NotArrivedError as error:
            return Order(self._phase, result=Result(Reason.NOT_ARRIVED, str(error)))
        except PolicyError as error:
            return Order(self._phase, result=Result(Reason.POLICY_FAILED, str(error)))

    def see(self, bucket: BucketReading) -> None:
        """Note a reading, also between two ticks."""
        self._history.add(bucket)
        self.peak_force = max(self.peak_force, float(np.linalg.norm(bucket.force)))

    def _trouble(self, inputs: Inputs, bucket: BucketReading) -> Result | None:
        if inputs.cancel:
            return Result(Reason.CANCELED, f"in phase {self._phase.value}")
        if inputs.now > self._deadline:
            return Result(Reason.TIMEOUT, f"in phase {self._phase.value}")
        age = inputs.now - bucket.stamp
        if age > self._settings.patience:
            return Result(Reason.STALE_BUCKET_STATE, f"the last one is {age:.2f} s old")
        stops = {
            Mode.STOPPED: Reason.DRIVER_STOPPED,
            Mode.FAULT: Reason.DRIVER_FAULT,
            Mode.DISCONNECTED: Reason.DRIVER_DISCONNECTED,
        }
        return Result(stops[bucket.mode], bucket.reason) if bucket.mode in stops else None

    def _enter(self, phase: Phase, now: float) -> None:
        self._phase, self._entered, self._asked_home, self._journey = phase, now, False, None

    def _home(self, inputs: Inputs, bucket: BucketReading) -> Order:
        done = self._travel_home(inputs, bucket)
        if isinstance(done, Order):
            return done
        self._enter(Phase.SURVEY, inputs.now)
        return Order(Phase.SURVEY, forget_rock=True)

    def _travel_home(self, inputs: Inputs, bucket: BucketReading) -> Order | None:
        """An order while on the way; None on arrival."""
        if not self._asked_home:
            self._asked_home = True
            return Order(self._phase, go_home=True)
        if inputs.homed is False:
            return Order(self._phase, result=Result(Reason.HOME_FAILED, inputs.home_message))
        if inputs.homed and bucket.mode is Mode.IDLE:
            return None
        if inputs.now - self._entered > self._settings.home_timeout:
            detail = f"not there after {self._settings.home_timeout:g} s"
            return Order(self._phase, result=Result(Reason.HOME_FAILED, detail))
        return Order(self._phase)

    def _survey(self, inputs: Inputs, bucket: BucketReading) -> Order:
        rock, settings = inputs.rock, self._settings
        if rock is not None and rock.stamp > max(self._survey_stamp, self._entered):
            self._survey_stamp = rock.stamp
            fresh = inputs.now - rock.stamp <= self._task.max_observation_age
            seen = fresh and rock.status is RockStatus.OK and rock.confidence >= settings.survey_confidence
            self._confident = self._confident + 1 if seen else 0
        if self._confident >= settings.survey_count:
            self._enter(Phase.APPROACH, inputs.now)
            start = np.array(self._task.start_pose)
            self._set_out(bucket.pose, over_the_top(bucket.pose, start, height=start[2]), inputs.now)
            return Order(Phase.APPROACH)
        if inputs.now - self._entered > settings.survey_timeout:
            return Order(Phase.SURVEY, result=why_blind(inputs.rock, now=inputs.now, otherwise=Reason.NO_ROCK))
        return Order(Phase.SURVEY)

    def _set_out(self, start: np.ndarray, waypoints: list[np.ndarray], now: float) -> None:
        self._journey = Journey(start, waypoints, travel=self._travel, now=now)

    def _underway(self, inputs: Inputs, bucket: BucketReading) -> Order | None:
        """An order while on the journey; None on arrival."""
        if self._journey is None:
            raise RuntimeError(f"phase {self._phase.value} has no journey")
        if self._journey.arrived(bucket.pose, now=inputs.now):
            self._entered = max(self._entered, self._journey.last_new_command)
            return None
        return self._command(self._journey.advance(self._task.control_period, now=inputs.now), bucket)

    def _command(self, target: np.ndarray, bucket: BucketReading) -> Order:
        self._target = target
        return Order(self._phase, target=target, stamp=bucket.stamp)

    def _approach(self, inputs: Inputs, bucket: BucketReading) -> Order:
        order = self._underway(inputs, bucket)
        if order is not None:
            return order
        self._enter(Phase.DIG, inputs.now)
        return Order(Phase.DIG, at_rest=True)

    def _dig(self, inputs: Inputs, bucket: BucketReading) -> Order:
        rock = inputs.rock
        if rock is None or not rock.usable or inputs.now - rock.stamp > self._task.max_observation_age:
            return self._wait_blind(inputs, bucket)
        self._blind_since = None
        self._holding = self._holding + 1 if self._believed_lifted(bucket, rock) else 0
        if self._holding >= self._task.hold_steps:
            self._enter(Phase.VERIFY, inputs.now)
            self._set_out(self._target, [self._raised(self._target[2] + self._settings.lift_height)], inputs.now)
            return self._verify(inputs, bucket)
        if self.steps >= self._task.max_steps:
            self._pending = Result(Reason.STEPS_EXHAUSTED, f"{self.steps} steps")
            self._enter(Phase.RETURN, inputs.now)
            self._set_out(self._target, [self._raised(self._task.start_pose[2])], inputs.now)
            return self._return(inputs, bucket)
        return self._policy_step(inputs, bucket, rock)

    def _policy_step(self, inputs: Inputs, bucket: BucketReading, rock: RockReading) -> Order:
        carried = self._carries(bucket, rock)
        seen = observation(self._task, bucket, rock, carried=carried, target=self._target)
        violation = range_violation(self._policy.contract, seen)
        if violation > self._settings.max_range_violation:
            detail = f"{worst_input(self._policy.contract, seen)}; {violation:.2f} of its range outside"
            return Order(Phase.DIG, result=Result(Reason.OUT_OF_RANGE, detail))
        decision = self._policy.act(seen)
        stamp = min(bucket.stamp, rock.stamp)
        step = PolicyStep(stamp, self.steps, seen, decision, inputs.now - stamp, violation)
        self.steps += 1
        self._target = next_target(self._task, self._target, decision.action)
        return Order(Phase.DIG, target=self._target, stamp=stamp, policy_step=step)

    def _wait_blind(self, inputs: Inputs, bucket: BucketReading) -> Order:
        """Stand still until the rock is seen again or patience ends.

        At first no command is sent: the driver then brakes at once, while it would follow the last one to its end.
        After that the bucket is held where it stands.
        """
        if self._blind_since is None:
            self._blind_since, self._held = inputs.now, False
        blind = inputs.now - self._blind_since
        if blind > self._settings.patience:
            return Order(self._phase, result=why_blind(inputs.rock, now=inputs.now, otherwise=Reason.STALE_ROCK_STATE))
        if blind < BRAKING_TIME:
            return Order(self._phase)
        if not self._held:
            self._held, self._target = True, bucket.pose.copy()
        return self._command(self._target, bucket)

    def _carries(self, bucket: BucketReading, rock: RockReading) -> bool:
        """Whether the rock is in the bowl: perception believes it, or a bucket clear of the soil bears its weight."""
        return rock.in_bucket >= 0.5 or self._bears(bucket, rock)

    def _bears(self, bucket: BucketReading, rock: RockReading) -> bool:
        """Whether a bucket that is clear of the soil is pulled down, which nothing but the rock can do."""
        lowest = float(bucket_to_soil(bucket.pose, self._task.bucket.corners())[:, 2].min())
        clear = lowest - rock.surface_height > self._task.success.clearance
        return clear and float(self._history.mean_force(WEIGHING_TIME)[2]) < -self._settings.load_force

    def _believed_lifted(self, bucket: BucketReading, rock: RockReading) -> bool:
        """The task's success test, as far as can be told: the rock is in the bowl and clear of the soil.

        A rock that is seen in the bowl need not bear down (a robot's force may not be tared), nor one that is weighed
        be seen: a bowl hides what it holds.
        """
        seen_clear = rock.bottom - rock.surface_height > self._task.success.clearance
        return (rock.in_bucket >= 0.5 and seen_clear) or self._bears(bucket, rock)

    def _raised(self, height: float) -> np.ndarray:
        """(4,) the last target, straight up to `height` (m) if it is lower, within the workspace."""
        goal = self._target.copy()
        goal[2] = max(goal[2], min(height, self._task.workspace_high[2]))
        return goal

    def _verify(self, inputs: Inputs, bucket: BucketReading) -> Order:
        order = self._underway(inputs, bucket)
        if order is not None:
            return order
        rock = inputs.rock
        if rock is None or not rock.usable or inputs.now - rock.stamp > self._task.max_observation_age:
            return self._wait_blind(inputs, bucket)
        if not self._believed_lifted(bucket, rock):
            self._holding = 0
            self._enter(Phase.DIG, inputs.now)
            return self._dig(inputs, bucket)
        if self._blind_since is not None:  # the time in which nothing was seen proves nothing
            self._entered, self._blind_since = inputs.now, None
        if inputs.now - self._entered < self._settings.verify_time:
            return self._command(self._target, bucket)
        lifted = Result(Reason.LIFTED, f"{self.steps} steps")
        if self._hold:
            return Order(Phase.VERIFY, target=self._target, stamp=bucket.stamp, last=True, result=lifted)
        self._pending = lifted
        self._enter(Phase.DUMP, inputs.now)
        beside = np.append(self._settings.dump_pose[:3], self._target[3])
        tipped = np.array(self._settings.dump_pose)
        self._set_out(self._target, [*over_the_top(self._target, beside, height=self._target[2]), tipped], inputs.now)
        return self._dump(inputs, bucket)

    def _dump(self, inputs: Inputs, bucket: BucketReading) -> Order:
        order = self._underway(inputs, bucket)
        if order is not None:
            return order
        if inputs.now - self._entered < self._settings.dump_time:
            return self._command(self._target, bucket)
        self._enter(Phase.RETURN, inputs.now)
        self._set_out(self._target, [self._raised(self._task.start_pose[2])], inputs.now)
        return self._return(inputs, bucket)

    def _return(self, inputs: Inputs, bucket: BucketReading) -> Order:
        if not self._asked_home:
            order = self._underway(inputs, bucket)
            if order is not None:
                return order
            self._entered = inputs.now
        order = self._travel_home(inputs, bucket)
        return order if order is not None else Order(Phase.RETURN, result=self._pending)
