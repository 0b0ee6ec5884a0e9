"""The running graph, as a batch sees it: calls that block, readings that are collected meanwhile."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from rclpy.action import ActionClient
from rclpy.client import Client
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from prpd_control.excavate.messages import duration, seconds
from prpd_control.trials import twin_pendant
from prpd_control.trials.ledger import Trial
from prpd_control.trials.runner import Dug, NotReadyError, Progress, StoppedError
from prpd_interfaces.action import Excavate
from prpd_interfaces.msg import BucketState, PolicyStatus, SoilState, TrialStatus
from prpd_interfaces.srv import ResetSoil

PHASES = {
    "preparing": TrialStatus.PHASE_PREPARING,
    "waiting": TrialStatus.PHASE_WAITING,
    "running": TrialStatus.PHASE_RUNNING,
    "judging": TrialStatus.PHASE_JUDGING,
    "finished": TrialStatus.PHASE_FINISHED,
}
FINISHED_BY_ITSELF = (Excavate.Result.OUTCOME_SUCCESS, Excavate.Result.OUTCOME_FAILURE)
SERVICE_TIMEOUT = 60.0
"""s, for the longest of the services: setting up the soil, the journey home."""
LATE_ANSWER = 2.0
"""s, for the answer to a goal that nobody wants any more: if it is accepted after all, it must be canceled."""


class CellClient:
    """Implements `runner.Cell`. Another thread must spin the node; `stopped()` ends every wait.

    `twin_address` is that of the emulated controller; empty on a real robot.
    """

    def __init__(self, node: Node, *, twin_address: str, stopped: Callable[[], bool]) -> None:
        self._node, self._pendant, self._stopped = node, twin_address, stopped
        self._twin = bool(twin_address)
        self._lock = threading.Lock()
        self._bucket: BucketState | None = None
        self._soil: SoilState | None = None
        self._columns: dict[str, list[Any]] | None = None
        self._slowest = 1.0
        self._peak = 0.0
        self._excavate = ActionClient(node, Excavate, "excavate")
        self._goal: Any = None
        self._answered, self._wanted = threading.Event(), True
        self._services: dict[str, Client] = {
            name: node.create_client(kind, name)
            for name, kind in {
                "bucket_driver/home": Trigger,
                "bucket_driver/recover": Trigger,
                "soil_world/clear": Trigger,
                "soil_world/reset": ResetSoil,
            }.items()
        }
        node.create_subscription(BucketState, "bucket/state", self._on_bucket, 10)
        node.create_subscription(SoilState, "soil/state", self._on_soil, 10)
        node.create_subscription(PolicyStatus, "policy/status", self._on_policy, 50)
        self._statuses = node.create_publisher(TrialStatus, "trial/status", 10)

    def _on_bucket(self, message: BucketState) -> None:
        f = message.wrench.force
        with self._lock:
            self._bucket = message
            self._peak = max(self._peak, float(np.linalg.norm([f.x, f.y, f.z])))

    def _on_soil(self, message: SoilState) -> None:
        with self._lock:
            self._soil = message
            self._slowest = min(self._slowest, message.real_time_factor)

    def _on_policy(self, message: PolicyStatus) -> None:
        with self._lock:
            if self._columns is None:
                return
            age = 1e-3 * message.observation_age_ms
            row: dict[str, Any] = {
                "time": seconds(message.header.stamp) + age,
                "age": age,
                "inference_time": 1e-3 * message.inference_ms,
                "observation": [round(v, 6) for v in message.observation],
                "action": [round(v, 6) for v in message.action],
                "range_violation": message.range_violation,
                "force": self._peak,
            }
            if self._soil is not None:
                p = self._soil.rock.position
                row["rock_truth"] = [round(v, 6) for v in (p.x, p.y, p.z)]
            self._peak = 0.0
            for name, value in row.items():
                self._columns[name].append(value)

    def announce(self, progress: Progress, *, batch: str, total: int, successes: int) -> None:
        """Publish where the batch stands."""
        trial, outcome = progress.trial, progress.outcome
        status = TrialStatus(
            batch=batch,
            trial=trial.id,
            total=total,
            environment=trial.environment,
            policy=trial.policy,
            phase=PHASES[progress.phase],
            outcome=outcome.outcome if outcome else "",
            reason=outcome.reason if outcome else "",
            successes=successes,
        )
        status.header.stamp = self._node.get_clock().now().to_msg()
        self._statuses.publish(status)

    def prepare(self, trial: Trial) -> None:
        """Recover from a stop of the driver's own, go home, and on the twin set the soil up."""
        self._wait_until(lambda: self._bucket is not None, 10.0, "no bucket state; is the bucket driver running?")
        mode, reason = (self._bucket.mode, self._bucket.reason) if self._bucket else (BucketState.MODE_DISCONNECTED, "")
        stopped = mode in (BucketState.MODE_STOPPED, BucketState.MODE_FAULT)
        if stopped and self._twin:
            self._act_as_operator(mode)
        elif mode == BucketState.MODE_FAULT:
            raise NotReadyError(f"the bucket driver cannot go on: {reason}")
        if stopped or mode == BucketState.MODE_DISCONNECTED:
            self._call("bucket_driver/recover", Trigger.Request())
        self._call("bucket_driver/home", Trigger.Request())
        if self._twin:
            self._call("soil_world/reset", ResetSoil.Request(environment=trial.environment, seed=trial.seed))

    def _act_as_operator(self, mode: int) -> None:
        """Dig the bucket free, upon which the arm may have stopped; then see to the pendant."""
        self._call("soil_world/clear", Trigger.Request())
        if mode != BucketState.MODE_FAULT:
            return
        try:
            twin_pendant.release(self._pendant)
        except (OSError, twin_pendant.PendantError) as error:
            raise NotReadyError(f"the emulated controller's stop could not be released: {error}") from error

    def dig(self, trial: Trial, *, timeout: float) -> Dug:
        """Send the goal, collect what is published meanwhile, and ask the soil for the truth."""
        with self._lock:
            self._columns, self._slowest, self._peak = defaultdict(list), 1.0, 0.0
        # The twin keeps the rock in the bucket for the judgement; on a robot it is dumped, so that the arm can go home.
        goal = Excavate.Goal(policy=trial.policy, hold=self._twin, timeout=duration(timeout))
        self._wait_until(self._excavate.server_is_ready, 10.0, "no `excavate` action server; is the node active?")
        self._goal, self._wanted = None, True
        self._answered.clear()
        try:
            self._goal = self._ask(partial(self._send, goal), 10.0, "the excavate node did not answer")
        except (StoppedError, NotReadyError):
            self._answered.wait(LATE_ANSWER)
            raise
        if not self._goal.accepted:
            raise NotReadyError("the excavate node refused the goal; its own line in the log says why")
        late = f"no result {timeout + 60:g} s after the goal"
        result = self._ask(self._goal.get_result_async, timeout + 60.0, late).result
        truth = self._truth_now() if self._twin else None
        with self._lock:
            columns, self._columns = dict(self._columns), None
            slowest = self._slowest if self._twin else None
        return Dug(
            lifted=result.outcome == Excavate.Result.OUTCOME_SUCCESS,
            finished=result.outcome in FINISHED_BY_ITSELF,
            reason=result.reason,
            message=result.message,
            steps=result.steps,
            duration=result.duration,
            peak_force=result.peak_force,
            excavated=truth,
            real_time_factor=slowest,
            trajectory=columns,
        )

    def _truth_now(self) -> bool:
        """Whether the rock is excavated, by a soil state that is newer than this call."""
        with self._lock:
            self._soil = None
        self._wait_until(lambda: self._soil is not None, 5.0, "no soil state; is the soil world running?")
        soil = self._soil
        return soil is not None and bool(soil.success)

    def parameters(self) -> Mapping[str, Any]:
        """What the driver and the soil say of themselves."""
        bucket, soil = self._bucket, self._soil
        return {
            "twin": self._twin,
            "dry_run": bool(bucket.dry_run) if bucket else None,
            "environment": soil.environment if soil else None,
        }

    def cancel(self) -> None:
        """Cancel an excavation that runs, or that has been asked for; it ends in standstill."""
        self._wanted = False
        if self._goal is not None and self._goal.accepted:
            self._goal.cancel_goal_async()

    def _send(self, goal: Excavate.Goal) -> Future:
        answer = self._excavate.send_goal_async(goal)
        answer.add_done_callback(self._on_answer)
        return answer

    def _on_answer(self, answer: Future) -> None:
        self._goal = answer.result()
        if not self._wanted:
            self.cancel()
        self._answered.set()

    def _call(self, name: str, request: Trigger.Request | ResetSoil.Request) -> None:
        client = self._services[name]
        self._wait_until(client.service_is_ready, 10.0, f"there is no service {name}; is its node active?")
        answer = self._wait_for(client.call_async(request), SERVICE_TIMEOUT, f"{name} did not answer")
        if not answer.success:
            raise NotReadyError(f"{name} failed: {answer.message}")

    def _ask(self, question: Callable[[], Future], timeout: float, failure: str) -> Any:
        """The answer to what an action client asks.

        The thread that takes the answers must ask: one that comes before rclpy's action client has noted its question,
        which it does without a lock after sending it, is thrown away.
        """
        executor = self._node.executor
        if executor is None:
            raise RuntimeError(f"nothing spins the node {self._node.get_name()!r}")
        asked = executor.create_task(question)
        return self._wait_for(self._wait_for(asked, timeout, failure), timeout, failure)

    def _wait_for(self, future: Future, timeout: float, failure: str) -> Any:
        self._wait_until(future.done, timeout, failure)
        return future.result()

    def _wait_until(self, condition: Callable[[], bool], timeout: float, failure: str) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if self._stopped():
                self.cancel()
                raise StoppedError("the batch was asked to end")
            if time.monotonic() > deadline:
                self.cancel()
                raise NotReadyError(f"{failure} (waited {timeout:g} s)")
            time.sleep(0.01)
