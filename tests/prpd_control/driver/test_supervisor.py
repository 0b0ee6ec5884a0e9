from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from prpd_control.driver.action import Do
from prpd_control.driver.health import Reading
from prpd_control.driver.limits import Reach, Target
from prpd_control.driver.settings import DriverSettings
from prpd_control.driver.stops import Cause
from prpd_control.driver.supervisor import Supervisor
from prpd_control.driver.tool_frames import ToolFrames
from prpd_control.modes import Mode
from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.frames import Pose

CELL = Cell()
FRAMES = ToolFrames(CELL.base_from_soil)
HOME = (0.0, -0.22, 0.22, 0.0)
SETTINGS = DriverSettings()
STEP = SETTINGS.period


def joints_at(pose, near=(-0.64, -1.39, 2.12, -2.38, -1.72, -2.07)):
    flange = CELL.base_from_soil @ Pose.from_bucket(pose) @ CELL.tool0_from_bucket.inverse()
    return tuple(ur5e.inverse(flange.matrix(), near)[0])


class Bench:
    """A supervisor with an arm that is exactly where it is told to be, and a clock that the test turns."""

    def __init__(self, settings=SETTINGS, pose=HOME, residual=(0.0, 0.0, 0.0)):
        self.now = 100.0
        self.supervisor = Supervisor(settings, Reach(CELL, FRAMES, settings), now=self.now)
        self.reading = Reading(
            setpoint=(*pose, *residual), velocity=(0.0,) * 6, force=(0.0,) * 3, torque=(0.0,) * 3,
            joints=joints_at(pose), joint_speeds=(0.0,) * 6, ur_pose=(0.0,) * 6, timestamp=0.0, time=self.now,
            safety_bits=1, robot_mode=7, runtime_state=2, speed_scaling=1.0,
        )  # fmt: skip
        self.age = 0.001
        self.actions = []
        self.sequence = 0
        self.alive = True

    def run(self, seconds):
        for _ in range(round(seconds / STEP)):
            self.now += STEP
            if self.alive:
                self.supervisor.alive(self.now)
            self.reading = replace(self.reading, time=self.now - self.age)
            action = self.supervisor.step(self.now, self.reading)
            self.actions.append(action)
            if action.do is Do.SERVO:
                joints = (
                    joints_at(action.setpoint[:4], self.reading.joints)
                    if len(self.actions) % 20 == 0
                    else self.reading.joints
                )
                self.reading = replace(self.reading, setpoint=action.setpoint, joints=joints)
        return self

    def command(self, pose, duration=0.1, **more):
        self.sequence += 1
        target = Target(**{"sequence": self.sequence, "pose": tuple(pose), "duration": duration, **more})
        self.supervisor.command(self.now, target, self.reading)
        return self

    def stream(self, count, step=(0.0, 0.02, 0.0, 0.0), start=HOME):
        for i in range(1, count + 1):
            self.command([p + i * s for p, s in zip(start, step)]).run(0.1)
        return self

    @property
    def cause(self):
        return self.supervisor.stop.cause if self.supervisor.stop else None

    @property
    def last(self):
        return self.actions[-1].do


def setpoints(bench):
    return [a.setpoint for a in bench.actions if a.do is Do.SERVO]


def test_idle_stands_and_keeps_the_watchdog_content():
    bench = Bench().run(0.1)
    assert {a.do for a in bench.actions} == {Do.KEEP} and bench.supervisor.mode is Mode.IDLE


def test_the_first_setpoint_is_the_measured_pose():
    bench = Bench(pose=(0.01, -0.2, 0.2, 0.05), residual=(0.0, 0.05, 0.0))
    bench.command((0.01, -0.19, 0.2, 0.05)).run(0.004)
    first = setpoints(bench)[0]
    assert first == pytest.approx((0.01, -0.2, 0.2, 0.05, 0.0, 0.05, 0.0), abs=1e-4)


def test_a_stream_is_followed_without_jumps():
    bench = Bench().stream(10)
    assert bench.supervisor.mode is Mode.STREAMING and bench.supervisor.sequence == 10
    places = setpoints(bench)
    assert max(math.dist(a[:3], b[:3]) for a, b in zip(places, places[1:])) < SETTINGS.max_speed * STEP * 1.01
    assert places[-1][1] == pytest.approx(HOME[1] + 0.2, abs=0.015)


def test_a_late_loop_does_not_leap():
    bench = Bench().stream(3)
    before = bench.reading.setpoint
    bench.now += 0.03
    bench.run(STEP)
    assert math.dist(before[:3], bench.reading.setpoint[:3]) < 6 * STEP * SETTINGS.max_speed


def test_a_late_command_pauses_and_the_next_goes_on():
    bench = Bench().stream(3).run(0.1)
    assert [a.do for a in bench.actions].count(Do.HALT) == 1
    assert bench.supervisor.mode is Mode.STREAMING and bench.last is Do.KEEP
    bench.command((0.0, HOME[1] + 0.08, *HOME[2:])).run(0.05)
    assert bench.last is Do.SERVO and bench.cause is None


def test_silence_stops():
    bench = Bench().stream(3).run(SETTINGS.command_timeout + 0.02)
    assert bench.supervisor.mode is Mode.STOPPED and bench.cause is Cause.COMMAND_SILENCE
    halt = next(i for i, a in enumerate(bench.actions) if a.do is Do.HALT)
    assert (halt + 1) * STEP == pytest.approx(0.3 + SETTINGS.command_grace, abs=2 * STEP)


def test_a_command_without_duration_ends_in_idle():
    bench = Bench().command((0.05, -0.1, 0.2, 0.2), duration=0.0).run(3.0)
    assert bench.supervisor.mode is Mode.IDLE and bench.cause is None and bench.last is Do.KEEP
    assert bench.reading.setpoint[:4] == pytest.approx((0.05, -0.1, 0.2, 0.2), abs=1e-4)


@pytest.mark.parametrize(
    ("pose", "more", "cause"),
    [
        ((0.0, float("nan"), 0.2, 0.0), {}, Cause.COMMAND_NOT_FINITE),
        ((0.0, 0.0, 0.2, 0.0), {}, Cause.COMMAND_JUMP),
        ((0.0, -0.22, -0.3, 0.0), {}, Cause.COMMAND_OUTSIDE),
        ((0.0, -0.18, 0.22, 0.0), {"age": 1.0}, Cause.COMMAND_STALE),
        ((0.0, -0.18, 0.22, 0.0), {"frame": "base_link"}, Cause.COMMAND_FRAME),
        ((0.0, -0.18, 0.22, 0.0), {"sequence": 1}, Cause.COMMAND_ORDER),
    ],
)
def test_a_bad_command_stops_in_the_next_cycle(pose, more, cause):
    bench = Bench().stream(2).command(pose, **more).run(2 * STEP)
    assert [a.do for a in bench.actions[-2:]] == [Do.HALT, Do.KEEP]
    assert bench.supervisor.mode is Mode.STOPPED and bench.cause is cause
    bench.command((0.0, -0.18, 0.22, 0.0)).run(0.05)
    assert bench.last is Do.KEEP, "a stop must hold until somebody recovers"


def test_a_bad_first_command_moves_nothing():
    bench = Bench().command((0.0, 0.2, 0.22, 0.0)).run(0.05)
    assert bench.cause is Cause.COMMAND_JUMP and Do.SERVO not in {a.do for a in bench.actions}


def test_lost_commands_are_counted():
    bench = Bench().stream(2)
    bench.sequence += 3
    bench.command((0.0, HOME[1] + 0.06, *HOME[2:])).run(0.05)
    assert bench.supervisor.lost_commands == 3 and bench.cause is None


@pytest.mark.parametrize(
    ("change", "cause", "mode"),
    [
        ({"safety_bits": 0x404}, Cause.PROTECTIVE_STOP, Mode.FAULT),
        ({"safety_bits": 0x4C0}, Cause.EMERGENCY_STOP, Mode.FAULT),
        ({"safety_bits": 0x410}, Cause.SAFEGUARD_STOP, Mode.FAULT),
        ({"safety_bits": 0x200}, Cause.SAFETY_FAULT, Mode.FAULT),
        ({"safety_bits": 0x401}, Cause.SAFETY_FAULT, Mode.FAULT),
        ({"robot_mode": 3}, Cause.NOT_RUNNING, Mode.FAULT),
        ({"runtime_state": 1}, Cause.PROGRAM_STOPPED, Mode.STOPPED),
    ],
)
def test_what_the_controller_reports_is_seen_before_each_write(change, cause, mode):
    bench = Bench().stream(2)
    bench.reading = replace(bench.reading, **change)
    bench.run(STEP)
    assert bench.last is Do.NOTHING and bench.cause is cause and bench.supervisor.mode is mode
    assert "Call" in bench.supervisor.stop.message or "call" in bench.supervisor.stop.message


def test_who_ended_the_program_can_be_told():
    by_hand, late = Bench().stream(2), Bench().stream(2)
    late.now += 0.05
    for bench in (by_hand, late):
        bench.run(0.02)
        bench.reading = replace(bench.reading, runtime_state=1)
        bench.run(STEP)
        assert bench.cause is Cause.PROGRAM_STOPPED
    assert "paused" not in by_hand.supervisor.stop.seen
    assert "paused for 52 ms, and its watchdog waits 40 ms" in late.supervisor.stop.seen
    forgotten = Bench().stream(2)
    forgotten.now += 0.05
    forgotten.stream(15, step=(0.0, 0.005, 0.0, 0.0), start=forgotten.reading.setpoint[:4])
    forgotten.reading = replace(forgotten.reading, runtime_state=1)
    forgotten.run(STEP)
    assert "paused" not in forgotten.supervisor.stop.seen


def test_a_lost_link_is_seen_before_each_write():
    bench = Bench().stream(2)
    bench.age = SETTINGS.state_timeout + 0.01
    assert bench.run(STEP).last is Do.NOTHING
    assert bench.cause is Cause.LINK_LOST and bench.supervisor.mode is Mode.DISCONNECTED


def test_reduced_mode_is_no_trouble():
    bench = Bench()
    bench.reading = replace(bench.reading, safety_bits=2)
    assert bench.stream(2).cause is None


def test_nothing_is_sent_without_a_fresh_state():
    bench = Bench().stream(2)
    bench.age = SETTINGS.state_age + 0.001
    bench.run(0.01)
    assert {a.do for a in bench.actions[-5:]} == {Do.NOTHING} and bench.supervisor.mode is Mode.STREAMING
    bench.age = 0.001
    assert bench.run(STEP).last is Do.SERVO


def test_a_fault_needs_a_person_and_then_recover():
    bench = Bench().stream(2)
    healthy = bench.reading
    bench.reading = replace(healthy, safety_bits=0x404)
    bench.run(0.01)
    assert bench.supervisor.recover(bench.reading).cause is Cause.PROTECTIVE_STOP
    bench.reading = healthy
    bench.run(0.01)
    assert bench.supervisor.mode is Mode.FAULT, "it must not go on by itself"
    assert bench.supervisor.recover(bench.reading) is None and bench.supervisor.mode is Mode.IDLE


def test_a_graver_reason_replaces_a_lighter_one_and_not_the_other_way():
    bench = Bench().stream(2)
    bench.supervisor.halt()
    bench.run(0.01)
    bench.reading = replace(bench.reading, runtime_state=1)
    assert bench.run(0.01).cause is Cause.REQUESTED
    bench.reading = replace(bench.reading, safety_bits=0x404)
    assert bench.run(0.01).cause is Cause.PROTECTIVE_STOP
    bench.reading = replace(bench.reading, safety_bits=0x4C0)
    assert bench.run(0.01).cause is Cause.EMERGENCY_STOP


def test_home_goes_up_before_it_goes_across():
    bench = Bench(pose=(0.05, 0.0, 0.0, 0.3))
    assert bench.supervisor.home(bench.reading) is None
    bench.run(12.0)
    places = np.array(setpoints(bench))
    assert bench.supervisor.mode is Mode.IDLE and places[-1][:4] == pytest.approx(HOME, abs=1e-4)
    low = places[places[:, 2] < HOME[2] - 1e-3]
    assert np.abs(low[:, :2] - (0.05, 0.0)).max() < 1e-9
    assert np.linalg.norm(np.diff(places[:, :3], axis=0), axis=1).max() < SETTINGS.home_speed * STEP * 1.01


def test_home_is_refused_when_stopped_or_tilted():
    bench = Bench().stream(1)
    bench.supervisor.halt()
    assert bench.supervisor.home(bench.reading).cause is Cause.REQUESTED
    tilted = Bench(residual=(0.0, 0.5, 0.0))
    assert tilted.supervisor.home(tilted.reading).cause is Cause.TILT


def test_a_silent_node_ends_a_motion():
    bench = Bench(pose=(0.05, 0.0, 0.0, 0.3))
    bench.supervisor.home(bench.reading)
    bench.run(0.1)
    bench.alive = False
    bench.run(SETTINGS.node_timeout + 0.01)
    assert bench.cause is Cause.NODE_SILENCE and Do.HALT in {a.do for a in bench.actions}


def test_force_slows_down():
    free, loaded = Bench().stream(5), Bench()
    loaded.reading = replace(loaded.reading, force=(0.0, -60.0, 0.0))
    loaded.stream(5)
    assert loaded.cause is None
    assert loaded.reading.setpoint[1] - HOME[1] < 0.75 * (free.reading.setpoint[1] - HOME[1])


def test_too_great_a_force_brakes_and_backs_off():
    bench = Bench().stream(5)
    deepest = bench.reading.setpoint[1]
    bench.reading = replace(bench.reading, force=(0.0, -95.0, 0.0))
    for _ in range(100):
        bench.run(STEP)
        if bench.last is Do.HALT:
            break
    assert bench.last is Do.HALT and bench.supervisor.mode is Mode.MOVING
    assert bench.reading.setpoint[1] - deepest < 0.01
    bench.reading = replace(bench.reading, force=(0.0, 0.0, 0.0))
    turned = bench.reading.setpoint[1]
    bench.run(2.0)
    assert bench.supervisor.mode is Mode.STOPPED and bench.cause is Cause.FORCE
    assert bench.reading.setpoint[1] == pytest.approx(turned - SETTINGS.back_off_distance, abs=0.004)


def test_a_program_that_ends_while_it_backs_off_does_not_hide_the_force():
    bench = Bench().stream(5)
    bench.reading = replace(bench.reading, force=(0.0, -95.0, 0.0))
    bench.run(0.1)
    assert bench.supervisor.mode is Mode.MOVING
    bench.reading = replace(bench.reading, runtime_state=1)
    assert bench.run(STEP).cause is Cause.FORCE
    bench.reading = replace(bench.reading, safety_bits=0x404)
    assert bench.run(STEP).cause is Cause.PROTECTIVE_STOP


def test_an_arm_that_does_not_follow_stops_the_stream():
    bench = Bench().stream(2)
    bench.reading = replace(bench.reading, setpoint=(0.0, HOME[1] - 0.05, *bench.reading.setpoint[2:]))
    assert bench.run(STEP).cause is Cause.LAG and bench.last is Do.HALT


def test_dry_run_checks_all_and_does_not_need_a_program():
    bench = Bench(replace(SETTINGS, dry_run=True))
    bench.reading = replace(bench.reading, runtime_state=1)
    assert bench.stream(3).cause is None
    assert bench.command((0.0, 0.9, 0.2, 0.0)).run(STEP).cause is Cause.COMMAND_OUTSIDE
