from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import MultiThreadedExecutor
from rclpy.task import Future

from prpd_control.trials.batch import Batch
from prpd_control.trials.cell_client import CellClient
from prpd_control.trials.ledger import Ledger, Trial
from prpd_control.trials.node import spinning
from prpd_control.trials.runner import StoppedError
from prpd_interfaces.action import Excavate


def excavated(goal: ServerGoalHandle) -> Excavate.Result:
    goal.succeed()
    return Excavate.Result(outcome=Excavate.Result.OUTCOME_SUCCESS, reason="lifted", steps=35)


@contextmanager
def excavate_node(execute: Callable[[ServerGoalHandle], Excavate.Result], **callbacks: Any) -> Iterator[None]:
    """An action server that is spun by a thread of its own."""
    server, executor, end = rclpy.create_node("excavate"), MultiThreadedExecutor(2), threading.Event()
    group = ReentrantCallbackGroup()
    action = ActionServer(server, Excavate, "excavate", execute, callback_group=group, **callbacks)
    executor.add_node(server)

    def spin() -> None:
        while not end.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        action.destroy()
        executor.shutdown()
        server.destroy_node()


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """The only one of a batch."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        planned = ledger.next_planned(ledger.add_batch(Batch(name="one", environments=("box",)), versions={}))
    assert planned is not None
    return planned


def test_an_answer_counts_however_soon_it_comes(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    def future_at_last() -> Future:
        time.sleep(0.3)  # between what rclpy sends and what it notes: the answer comes meanwhile
        return Future()

    with spinning("batch") as node, excavate_node(excavated):
        cell = CellClient(node, twin_address="", stopped=lambda: False)
        monkeypatch.setattr("rclpy.action.client.Future", future_at_last)
        dug = cell.dig(trial, timeout=5.0)
    assert dug.lifted and dug.reason == "lifted" and dug.steps == 35


def test_an_excavation_that_is_accepted_after_the_batch_was_ended_is_canceled(trial: Trial) -> None:
    asked, canceled = threading.Event(), threading.Event()

    def accept_late(request: Excavate.Goal) -> GoalResponse:
        asked.set()
        time.sleep(0.5)
        return GoalResponse.ACCEPT

    def dig_until_canceled(goal: ServerGoalHandle) -> Excavate.Result:
        deadline = time.monotonic() + 5.0
        while not goal.is_cancel_requested and time.monotonic() < deadline:
            time.sleep(0.01)
        if goal.is_cancel_requested:
            goal.canceled()
            canceled.set()
        return Excavate.Result()

    def accept_cancel(goal: ServerGoalHandle) -> CancelResponse:
        return CancelResponse.ACCEPT

    callbacks = {"goal_callback": accept_late, "cancel_callback": accept_cancel}
    with spinning("batch") as node, excavate_node(dig_until_canceled, **callbacks):
        cell = CellClient(node, twin_address="", stopped=asked.is_set)
        with pytest.raises(StoppedError):
            cell.dig(trial, timeout=5.0)
        assert canceled.wait(2.0), "the arm would dig on with nobody waiting for it"
