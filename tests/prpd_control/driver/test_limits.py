from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prpd_control.driver import limits
from prpd_control.driver.limits import Reach, Target
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Cause
from prpd_control.driver.tool_frames import ToolFrames
from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.errors import UserError
from prpd_task.frames import Pose
from prpd_task.spec import TaskSpec

SETTINGS, CELL = DriverSettings(), Cell()
GOOD = Target(sequence=1, pose=(0.0, -0.2, 0.1, 0.0), duration=0.1)
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({}, None),
        ({"duration": 0.0}, None),
        ({"pose": (NAN, 0.0, 0.1, 0.0)}, Cause.COMMAND_NOT_FINITE),
        ({"pose": (0.0, 0.0, 0.1, INF)}, Cause.COMMAND_NOT_FINITE),
        ({"duration": NAN}, Cause.COMMAND_NOT_FINITE),
        ({"duration": -0.1}, Cause.COMMAND_NOT_FINITE),
        ({"frame": "base"}, Cause.COMMAND_FRAME),
        ({"frame": ""}, Cause.COMMAND_FRAME),
        ({"age": 0.6}, Cause.COMMAND_STALE),
        ({"age": -0.6}, Cause.COMMAND_STALE),
        ({"age": 0.3}, None),
        ({"pose": (0.41, 0.0, 0.1, 0.0)}, Cause.COMMAND_OUTSIDE),
        ({"pose": (0.0, 0.0, -0.12, 0.0)}, Cause.COMMAND_OUTSIDE),
        ({"pose": (0.0, 0.0, 0.1, 1.3)}, Cause.COMMAND_OUTSIDE),
    ],
)
def test_content(change, cause):
    stop = limits.content(replace(GOOD, **change), SETTINGS)
    assert (stop and stop.cause) == cause


def test_the_policys_own_motion_passes_and_a_jump_does_not():
    last = (0.0, -0.2, 0.1, 0.0)
    diagonal = replace(GOOD, pose=tuple(p + s for p, s in zip(last, TaskSpec().action_scale)))
    assert limits.step(diagonal, last, SETTINGS) is None
    assert limits.step(replace(GOOD, pose=(0.06, -0.2, 0.1, 0.0)), last, SETTINGS).cause is Cause.COMMAND_JUMP
    assert limits.step(replace(GOOD, pose=(0.0, -0.2, 0.1, 0.3)), last, SETTINGS).cause is Cause.COMMAND_JUMP
    assert limits.step(replace(GOOD, pose=(0.06, -0.2, 0.1, 0.0), duration=0.5), last, SETTINGS) is None


def joints_at(pose, near=(-0.64, -1.39, 2.12, -2.38, -1.72, -2.07)):
    flange = CELL.base_from_soil @ Pose.from_bucket(pose) @ CELL.tool0_from_bucket.inverse()
    return ur5e.inverse(flange.matrix(), near)[0]


@pytest.fixture
def reach():
    return Reach(CELL, ToolFrames(CELL.base_from_soil), SETTINGS)


def test_the_whole_workspace_can_be_reached_from_home(reach):
    spec, home = TaskSpec(), (*SETTINGS.home_pose, 0.0, 0.0, 0.0)
    corners = np.array(np.meshgrid(*zip(spec.workspace_low, spec.workspace_high))).reshape(4, -1).T
    refused = [(c, stop) for c in corners if (stop := reach.check(home, joints_at(home[:4]), tuple(c))[0])]
    assert refused == []


def test_the_longest_way_is_looked_at_in_few_places(reach, monkeypatch):
    """The stream sends nothing meanwhile, and its watchdog waits for 40 ms; a place takes 0.6 ms at 2.1 GHz."""
    spec, places = TaskSpec(), []
    start, goal = (*spec.workspace_low[:3], 0.0, 0.0, 0.0, 0.0), (*spec.workspace_high[:3], 0.5)
    joints, inverse = joints_at(start[:4]), ur5e.inverse
    monkeypatch.setattr(limits.ur5e, "inverse", lambda flange, near: places.append(flange) or inverse(flange, near))
    assert reach.check(start, joints, goal)[0] is None
    assert 10 <= len(places) <= 15


def test_joint_travel_is_that_of_the_way(reach):
    start, goal = (0.0, -0.2, 0.1, 0.0, 0.0, 0.0, 0.0), (0.0, -0.18, 0.1, 0.0)
    stop, travel = reach.check(start, joints_at(start[:4]), goal)
    assert stop is None
    assert travel == pytest.approx(np.abs(joints_at(goal) - joints_at(start[:4])).max(), rel=1e-6)


def test_out_of_reach(reach):
    start = (0.0, -0.2, 0.1, 0.0, 0.0, 0.0, 0.0)
    stop, _ = reach.check(start, joints_at(start[:4]), (0.0, 1.5, 0.1, 0.0))
    assert stop.cause in (Cause.UNREACHABLE, Cause.SINGULARITY)


def test_singularity(reach):
    start, goal = (0.0, -0.2, 0.1, 0.0, 0.0, 0.0, 0.0), (0.0, -0.18, 0.1, 0.0)
    strict = Reach(CELL, ToolFrames(CELL.base_from_soil), replace(SETTINGS, singularity_margin=0.3))
    assert reach.check(start, joints_at(start[:4]), goal)[0] is None
    assert strict.check(start, joints_at(start[:4]), goal)[0].cause is Cause.SINGULARITY


def test_joint_range_looks_at_the_turn_that_a_joint_has_made(reach):
    start, goal = (0.0, -0.2, 0.1, 0.0, 0.0, 0.0, 0.0), (0.0, -0.18, 0.1, 0.0)
    strict = Reach(CELL, ToolFrames(CELL.base_from_soil), replace(SETTINGS, joint_margin=1.0))
    turned = joints_at(start[:4]) + np.array([2 * np.pi, 0, 0, 0, 0, 0])
    assert strict.check(start, joints_at(start[:4]), goal)[0] is None
    stop = strict.check(start, turned, goal)[0]
    assert stop.cause is Cause.JOINT_RANGE and "shoulder_pan_joint" in stop.message


def test_tilt():
    assert limits.tilt((0, 0, 0, 0, 0.1, 0.1, 0.0), SETTINGS) is None
    assert limits.tilt((0, 0, 0, 0, 0.0, 0.4, 0.0), SETTINGS).cause is Cause.TILT


@pytest.mark.parametrize(
    "change",
    [
        {"rate": 50.0},
        {"watchdog_rate": 0.0},
        {"home_pose": (0.0, 0.0, 0.2)},
        {"home_pose": (0.0, 0.0, 2.0, 0.0)},
        {"box_low": (0.5, -0.4, -0.1, -1.0)},
        {"slow_force": 90.0},
        {"state_age": 0.1, "state_timeout": 0.08},
        {"command_grace": 0.5, "command_timeout": 0.4},
        {"max_speed": NAN},
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(change):
    with pytest.raises(UserError, match=next(iter(change))):
        DriverSettings(**change)
