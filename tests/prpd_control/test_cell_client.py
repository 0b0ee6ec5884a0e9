from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import rclpy
from rclpy.action import ActionServer
from rclpy.action.server import ServerGoalHandle
from rclpy.executors import SingleThreadedExecutor
from rclpy.task import Future

from prpd_control.trials.batch import Batch
from prpd_control.trials.cell_client import CellClient
from prpd_control.trials.ledger import Ledger
from prpd_control.trials.node import spinning
from prpd_interfaces.action import Excavate


def excavated(goal: ServerGoalHandle) -> Excavate.Result:
    goal.succeed()
    return Excavate.Result(outcome=Excavate.Result.OUTCOME_SUCCESS, reason="lifted", steps=35)


@pytest.fixture
def cell() -> Iterator[CellClient]:
    """A batch's view of a graph whose excavation succeeds at once."""
    with spinning("batch") as node:
        server, executor, end = rclpy.create_node("excavate"), SingleThreadedExecutor(), threading.Event()
        action = ActionServer(server, Excavate, "excavate", excavated)
        executor.add_node(server)

        def spin() -> None:
            while not end.is_set():
                executor.spin_once(timeout_sec=0.1)

        thread = threading.Thread(target=spin)
        thread.start()
        try:
            yield CellClient(node, twin_address="", stopped=lambda: False)
        finally:
            end.set()
            thread.join()
            action.destroy()
            executor.shutdown()
            server.destroy_node()


def test_an_answer_counts_however_soon_it_comes(
    cell: CellClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        trial = ledger.next_planned(ledger.add_batch(Batch(name="one", environments=("box",)), versions={}))
    assert trial is not None

    def future_at_last() -> Future:
        time.sleep(0.3)  # between what rclpy sends and what it notes: the answer comes meanwhile
        return Future()

    monkeypatch.setattr("rclpy.action.client.Future", future_at_last)
    dug = cell.dig(trial, timeout=5.0)
    assert dug.lifted and dug.reason == "lifted" and dug.steps == 35
