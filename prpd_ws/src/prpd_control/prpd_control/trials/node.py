"""`trials`: the node that runs a batch in the graph; a person answers through its services."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from prpd_control.trials.batch import Batch, load
from prpd_control.trials.cell_client import CellClient
from prpd_control.trials.ledger import Ledger
from prpd_control.trials.operator import PromptingOperator
from prpd_control.trials.runner import BatchRunner, NoOperator, NotReadyError, Operator, Progress, StoppedError
from prpd_control.trials.versions import versions
from prpd_ros.executor import thrifty_executor
from prpd_task.errors import UserError
from prpd_task.signals import ignore_signals

WORDS = {"go_on": "", "success": "s", "failure": "f", "pause": "p", "end": "q"}
"""Services of the node, below `trials/`, and the operator's word that each stands for."""


def known_environments(*, twin: bool) -> list[str] | None:
    """The names that a batch may use: the twin's; those of a real cell are the lab's own."""
    if not twin:
        return None
    from prpd_twin.soil_world.environment import names

    return names()


def open_batch(ledger: Ledger, batch: Batch, *, restart: bool) -> int:
    """The number in the ledger of the batch to run: the unfinished one with this description, else a new one."""
    unfinished = None if restart else ledger.take_up(batch)
    return ledger.add_batch(batch, versions=versions()) if unfinished is None else unfinished


@contextmanager
def spinning(name: str) -> Iterator[Node]:
    """A node that another thread spins, for code that blocks."""
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    node, executor, end = Node(name), thrifty_executor(), threading.Event()
    executor.add_node(node)

    def spin() -> None:
        while not end.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin, name="executor")
    thread.start()
    try:
        yield node
    finally:
        end.set()
        thread.join()
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()


def run_batch(
    node: Node,
    ledger: Ledger,
    batch: Batch,
    *,
    number: int,
    twin_address: str,
    folder: Path,
    operator: Operator,
    stopped: Callable[[], bool],
    watch: Callable[[Progress], None] = lambda progress: None,
) -> None:
    """Run what is left of a batch; progress is published, and given to `watch`."""
    cell = CellClient(node, twin_address=twin_address, stopped=stopped)

    def announce(progress: Progress) -> None:
        total, successes = ledger.standing(number)
        cell.announce(progress, batch=batch.name, total=total, successes=successes)
        watch(progress)

    BatchRunner(cell, ledger, number, batch, operator=operator, announce=announce, folder=folder).run()


def _parameters(node: Node) -> Mapping[str, object]:
    defaults = {"batch": "", "folder": "trials", "twin_address": "", "restart": False}
    return {name: node.declare_parameter(name, default).value for name, default in defaults.items()}


def main() -> int:
    """Entry point of the process."""
    stop: list[int] = []

    def request(signal_number: int, frame: FrameType | None) -> None:
        stop.append(signal_number)

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, request)
    with spinning("trials") as node:
        given = _parameters(node)
        twin_address, folder = str(given["twin_address"]), Path(str(given["folder"])).expanduser()
        person = PromptingOperator(node.get_logger().info, stopped=lambda: bool(stop))
        for service, word in WORDS.items():
            node.create_service(Trigger, f"trials/{service}", _answering(person, word))
        try:
            batch = load(str(given["batch"]), known_environments=known_environments(twin=bool(twin_address)))
            with Ledger(folder / "ledger.sqlite") as ledger:
                number = open_batch(ledger, batch, restart=bool(given["restart"]))
                try:
                    run_batch(
                        node,
                        ledger,
                        batch,
                        number=number,
                        twin_address=twin_address,
                        folder=folder,
                        operator=NoOperator() if twin_address else person,
                        stopped=lambda: bool(stop),
                    )
                except StoppedError as error:
                    node.get_logger().info(f"{error}; the same command goes on with it")
            from prpd_control.report.build import build_report  # not before: it would hold up the first trial

            report = build_report(folder / "ledger.sqlite", batch=number, folder=folder)
            node.get_logger().info(f"report: {report}")
        except (UserError, NotReadyError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    ignore_signals()
    return 0


def _answering(person: PromptingOperator, word: str) -> Callable[[Trigger.Request, Trigger.Response], Trigger.Response]:
    def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        person.answers.put(word)
        response.success = True
        return response

    return answer


if __name__ == "__main__":
    sys.exit(main())
