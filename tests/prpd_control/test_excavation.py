"""The excavation against a bucket that follows its commands one period later."""

from dataclasses import replace

import numpy as np
import pytest

from prpd_control.excavate.machine import Excavation
from prpd_control.excavate.orders import Inputs, Phase
from prpd_control.excavate.readings import BucketReading, RockReading, RockStatus
from prpd_control.excavate.reasons import Outcome, Reason
from prpd_control.excavate.settings import ExcavationSettings
from prpd_control.modes import Mode
from prpd_control.policy.runtime import Policy
from prpd_task.frames import bucket_to_soil
from prpd_task.spec import TaskSpec

HOME = np.array([0.0, -0.25, 0.2, 0.0])


class Cell:
    """A bucket that goes where it is told, a rock that sticks to it once the bucket is under it."""

    def __init__(self, policy, *, hold=True, rock=(0.02, 0.0, 0.0), settings=None, timeout=None):
        self.task = policy.contract.task
        self.now = 100.0
        self.excavation = Excavation(policy, settings or ExcavationSettings(), now=self.now, hold=hold, timeout=timeout)
        self.pose = HOME + [0.05, 0, 0, 0]
        self.mode, self.homed, self.cancel = Mode.IDLE, None, False
        self.rock = np.array(rock, float)
        self.rock_status, self.confidence, self.camera_on, self.driver_on = RockStatus.OK, 0.9, True, True
        self.sticks, self.frozen, self.believes, self.load, self.weight = True, False, True, 12.0, 0.0
        self.last_bucket = self.last_rock = None
        self.orders = []

    def read(self):
        if self.driver_on:
            force = np.array([0.0, 0.0, self.load - self.weight * self.carried])
            self.last_bucket = BucketReading(self.now, self.pose.copy(), force, self.mode, "why")
        if self.camera_on:
            inside = 1.0 if self.carried and self.believes else 0.0
            self.last_rock = RockReading(
                self.now - 0.05, self.rock.copy(), np.full(3, 0.05), inside, self.confidence, 0.0, self.rock_status
            )

    @property
    def carried(self):
        return self.sticks and np.linalg.norm(self.rock - self.pose[:3]) < 0.06

    def step(self):
        self.read()
        order = self.excavation.tick(
            Inputs(self.now, self.last_bucket, self.last_rock, homed=self.homed, cancel=self.cancel)
        )
        self.orders.append(order)
        self.homed = None if order.go_home else True
        if order.go_home:
            self.pose = HOME.copy()
        if order.target is not None and not self.frozen:
            carried = self.carried
            self.pose = order.target.copy()
            if carried:
                self.rock = bucket_to_soil(self.pose, np.array([0.0, 0.0, 0.03]))
        self.now += self.task.control_period
        return order

    def run(self, until=None, limit=2000):
        for _ in range(limit):
            order = self.step()
            if order.result is not None:
                return order.result
            if until is not None and order.phase is until:
                return None
        raise TimeoutError("the excavation did not end")

    @property
    def phases(self):
        seen = [o.phase for o in self.orders]
        return [p for i, p in enumerate(seen) if i == 0 or p is not seen[i - 1]]


@pytest.fixture
def policy(make_policy):
    """Goes to the rock, and up as soon as the rock is in the bucket."""
    loaded = Policy.load(make_policy())
    act = loaded.act

    def dig_and_lift(observation):
        decision = act(observation)
        return replace(decision, action=np.array([0, 0, 1.0, 0])) if observation[7] else decision

    loaded.act = dig_and_lift
    return loaded


def test_it_digs_the_rock_out_and_holds_it(policy):
    cell = Cell(policy)
    result = cell.run()
    assert (result.outcome, result.reason) == (Outcome.SUCCESS, Reason.LIFTED)
    assert cell.phases == [Phase.HOME, Phase.SURVEY, Phase.APPROACH, Phase.DIG, Phase.VERIFY]
    assert cell.rock[2] > 0.04
    assert cell.excavation.peak_force == pytest.approx(12.0)


def test_it_dumps_the_rock_and_goes_home(policy):
    cell = Cell(policy, hold=False)
    assert cell.run().reason is Reason.LIFTED
    assert cell.phases[-3:] == [Phase.VERIFY, Phase.DUMP, Phase.RETURN]
    np.testing.assert_allclose(cell.pose, HOME)
    dumped = [o.target for o in cell.orders if o.phase is Phase.DUMP and o.target is not None]
    np.testing.assert_allclose(dumped[-1], ExcavationSettings().dump_pose)


def test_the_period_may_be_of_any_length_once_between_the_approach_and_the_policys_first_step(policy):
    cell = Cell(policy)
    cell.run()
    at_rest = [i for i, order in enumerate(cell.orders) if order.at_rest]
    decided = [i for i, order in enumerate(cell.orders) if order.policy_step is not None]
    assert at_rest == [decided[0] - 1]


def test_commands_never_jump(policy):
    cell = Cell(policy, hold=False)
    cell.run()
    last = HOME
    for order in cell.orders:
        if order.target is not None:
            fastest = max(0.02 * 3**0.5, 0.12 * 0.1)
            assert np.linalg.norm(order.target[:3] - last[:3]) <= fastest + 1e-9
            assert abs(order.target[3] - last[3]) <= 0.1 + 1e-9
            last = order.target


def test_a_rock_that_never_comes_up_ends_with_the_bucket_home(make_policy, fast_task):
    cell = Cell(Policy.load(make_policy(fast_task)))
    cell.sticks = False
    result = cell.run()
    assert (result.outcome, result.reason) == (Outcome.FAILURE, Reason.STEPS_EXHAUSTED)
    assert cell.excavation.steps == 6
    np.testing.assert_allclose(cell.pose, HOME)


def test_a_rock_that_falls_out_is_dug_for_again(policy):
    cell = Cell(policy)
    cell.run(until=Phase.VERIFY)
    cell.rock = np.array([0.02, 0.0, 0.0])
    assert cell.run().reason is Reason.LIFTED
    assert cell.phases[3:] == [Phase.DIG, Phase.VERIFY, Phase.DIG, Phase.VERIFY]


def test_a_rock_that_is_hidden_by_the_bowl_is_noticed_by_its_weight(make_policy):
    cell = Cell(Policy.load(make_policy()))
    cell.believes, cell.load, cell.weight = False, 0.0, 9.0
    dig = cell.excavation._policy.act
    up = np.array([0.0, 0.0, 1.0, 0.0])
    cell.excavation._policy.act = lambda seen: replace(dig(seen), action=up) if cell.carried else dig(seen)
    assert cell.run().reason is Reason.LIFTED
    flags = [o.policy_step.observation[7] for o in cell.orders if o.policy_step]
    assert flags[0] == 0
    assert flags[-1] == 1


def test_an_empty_bucket_in_the_air_and_a_push_in_the_soil_are_no_rock(make_policy, fast_task):
    cell = Cell(Policy.load(make_policy(fast_task)))
    cell.sticks, cell.load = False, -3.0
    assert cell.run().reason is Reason.STEPS_EXHAUSTED
    assert not any(o.policy_step.observation[7] for o in cell.orders if o.policy_step)


def test_the_policy_sees_the_bucket_where_it_was_last_sent(policy):
    cell = Cell(policy)
    cell.run(until=Phase.DIG)
    cell.frozen = True
    steps = [cell.step() for _ in range(4)]
    for before, order in zip(steps, steps[1:], strict=False):
        np.testing.assert_allclose(order.policy_step.observation[:4], before.target, atol=1e-9)
        assert not np.allclose(order.policy_step.observation[:4], cell.pose)


def test_no_confident_rock_is_a_failure(policy):
    cell = Cell(policy)
    cell.confidence = 0.2
    result = cell.run()
    assert result.reason is Reason.NO_ROCK
    assert all(o.target is None for o in cell.orders)


def test_without_images_it_stands_still_and_then_stops(policy):
    cell = Cell(policy)
    cell.run(until=Phase.DIG)
    cell.step()
    cell.camera_on = False
    result = cell.run()
    assert (result.outcome, result.reason) == (Outcome.STOPPED, Reason.STALE_ROCK_STATE)
    blind = [o for o in cell.orders if o.phase is Phase.DIG and o.policy_step is None and o.target is not None]
    assert len(blind) == pytest.approx(ExcavationSettings().patience / 0.1, abs=2)
    for order in blind:
        np.testing.assert_array_equal(order.target, blind[0].target)
    last_step = max(i for i, o in enumerate(cell.orders) if o.policy_step)
    waiting = [o for o in cell.orders[last_step + 1 :] if o.target is None and o.result is None]
    assert len(waiting) == 2, "commands are left out, so that the driver brakes at once, until the bucket stands"
    assert all(o.policy_step.age <= 0.25 for o in cell.orders if o.policy_step)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (RockStatus.LOST, Reason.ROCK_LOST),
        (RockStatus.STALE_IMAGE, Reason.STALE_ROCK_STATE),
        (RockStatus.BAD_IMAGE, Reason.BAD_IMAGE),
        (RockStatus.CAMERA_MOVED, Reason.CAMERA_MOVED),
    ],
)
def test_what_perception_reports_ends_the_dig_with_its_reason(policy, status, reason):
    cell = Cell(policy)
    cell.run(until=Phase.DIG)
    cell.rock_status = status
    assert cell.run().reason is reason


def test_a_short_blindness_is_waited_out(policy):
    cell = Cell(policy)
    cell.run(until=Phase.DIG)
    cell.rock_status = RockStatus.LOST
    for _ in range(5):
        assert cell.step().policy_step is None
    cell.rock_status = RockStatus.OCCLUDED
    assert cell.run().reason is Reason.LIFTED


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        (Mode.STOPPED, Reason.DRIVER_STOPPED),
        (Mode.FAULT, Reason.DRIVER_FAULT),
        (Mode.DISCONNECTED, Reason.DRIVER_DISCONNECTED),
    ],
)
@pytest.mark.parametrize("phase", [Phase.HOME, Phase.APPROACH, Phase.DIG, Phase.VERIFY])
def test_a_stopped_driver_ends_every_phase(policy, mode, reason, phase):
    cell = Cell(policy)
    cell.run(until=phase)
    cell.mode = mode
    result = cell.run(limit=1)
    assert (result.reason, result.detail) == (reason, "why")


@pytest.mark.parametrize("phase", [Phase.HOME, Phase.SURVEY, Phase.APPROACH, Phase.DIG, Phase.VERIFY])
def test_a_silent_driver_is_sent_nothing_and_ends_it_when_patience_ends(policy, phase):
    cell = Cell(policy)
    cell.run(until=phase)
    cell.driver_on, silent_since, ordered = False, cell.now, len(cell.orders)
    assert cell.run().reason is Reason.STALE_BUCKET_STATE
    assert cell.now - silent_since <= ExcavationSettings().patience + 2 * 0.1
    by_age = [o.target is None and not o.go_home for o in cell.orders[ordered:]]
    assert all(by_age[3:]), "a state older than the contract's limit was acted upon"


@pytest.mark.parametrize("phase", [Phase.HOME, Phase.SURVEY, Phase.APPROACH, Phase.DIG, Phase.VERIFY])
def test_a_late_state_of_the_bucket_is_waited_for(policy, phase):
    cell = Cell(policy)
    cell.run(until=phase)
    cell.driver_on = False
    for _ in range(6):
        cell.step()
    cell.driver_on = True
    assert cell.run().reason is Reason.LIFTED


def test_cancel_and_timeout_end_it(policy):
    cell = Cell(policy)
    cell.run(until=Phase.DIG)
    cell.cancel = True
    assert cell.run(limit=1).outcome is Outcome.CANCELED
    assert Cell(policy, timeout=1.0).run().reason is Reason.TIMEOUT


def test_a_bucket_that_is_held_up_is_noticed(policy):
    cell = Cell(policy)
    cell.run(until=Phase.APPROACH)
    cell.frozen = True
    result = cell.run()
    assert result.reason is Reason.NOT_ARRIVED
    assert "sent to" in result.detail


def test_a_failed_journey_home_is_reported(policy):
    cell = Cell(policy)
    cell.step()
    cell.homed = False
    assert cell.run(limit=1).reason is Reason.HOME_FAILED


def test_an_observation_unlike_training_stops_the_dig(policy):
    cell = Cell(policy)
    cell.run(until=Phase.DIG)
    cell.sticks, cell.rock = False, np.array([0.6, 0.0, 0.0])
    result = cell.run()
    assert result.reason is Reason.OUT_OF_RANGE
    assert "rock_x = 0.600" in result.detail


def test_a_policy_that_answers_nonsense_stops_the_dig(make_policy, policy):
    cell = Cell(policy)
    cell.run(until=Phase.DIG)
    cell.rock = np.array([np.nan, 0.0, 0.0])
    cell.sticks = False
    assert cell.run().reason in (Reason.POLICY_FAILED, Reason.OUT_OF_RANGE)


def test_settings_refuse_nonsense():
    with pytest.raises(ValueError, match="patience must be positive"):
        ExcavationSettings(patience=0.0)
    with pytest.raises(ValueError, match="dump_pose needs"):
        ExcavationSettings(dump_pose=(0.0, 0.0))


def test_observation_terms_follow_the_preset(make_policy):
    policy = Policy.load(make_policy(replace(TaskSpec(), preset="extended")))
    cell = Cell(policy)
    cell.sticks = False
    cell.run(until=Phase.DIG)
    cell.step()
    seen = next(o.policy_step.observation for o in cell.orders if o.policy_step)
    names = policy.contract.observation_names
    assert seen[names.index("force_z")] == 12.0
    assert seen[names.index("rock_size")] == pytest.approx(0.05)
