"""A simulator spread over worker processes, which share their state arrays with this one."""

from __future__ import annotations

import contextlib
import multiprocessing
import traceback
from dataclasses import fields
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np

from prpd_task.arrays import Array
from prpd_train.engines.checks import check_duration, check_poses, check_reset, check_specs
from prpd_train.engines.failures import FailureCount
from prpd_train.engines.protocol import SimState
from prpd_train.scene.spec import SceneSpec

_NAMES = [field.name for field in fields(SimState)]
Layout = Dict[str, Tuple[Tuple[int, ...], str]]


class WorkerSimulator:
    """Environments in consecutive shares, one share per process; the results are those of one process."""

    fixed_scenes = False

    def __init__(
        self, engine: str, specs: Sequence[SceneSpec], workers: int, device: str, options: Dict[str, Any]
    ) -> None:
        check_specs(specs)
        self.num_envs = len(specs)
        self.failures = FailureCount()
        self._specs = list(specs)
        self._shares = [share for share in np.array_split(np.arange(len(specs)), workers) if len(share)]
        # Spawned, since a fork of a process that has used Warp, PhysX or torch may hang.
        context = multiprocessing.get_context("spawn")
        self._pipes: List[Connection] = []
        self._processes = []
        self._memory: List[SharedMemory] = []
        for share in self._shares:
            here, there = context.Pipe()
            arguments = (there, engine, [specs[int(e)] for e in share], device, options)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)
        layouts: List[Layout] = [self._receive(k) for k in range(len(self._pipes))]
        self.state = self._share_state(layouts)
        for pipe, share in zip(self._pipes, self._shares):
            names = {name: memory.name for name, memory in zip(_NAMES, self._memory)}
            pipe.send((names, self._layout, int(share[0])))
        self._wait()

    def _share_state(self, layouts: List[Layout]) -> SimState:
        self._layout: Layout = {}
        arrays = {}
        for name in _NAMES:
            tails = np.array([layout[name][0][1:] for layout in layouts])
            shape = (self.num_envs, *(int(n) for n in tails.max(0))) if tails.size else (self.num_envs,)
            dtype = layouts[0][name][1]
            self._layout[name] = (shape, dtype)
            memory = SharedMemory(create=True, size=max(1, int(np.prod(shape)) * np.dtype(dtype).itemsize))
            self._memory.append(memory)
            arrays[name] = np.ndarray(shape, dtype, memory.buf)
        return SimState(**arrays)

    def reset(self, env_ids: Sequence[int], specs: Sequence[SceneSpec], bucket_poses: Array) -> None:
        """Put the environments into settled scenes, with the bucket at rest at poses (k, 4)."""
        envs = np.asarray(env_ids, int)
        check_reset(self._specs[0], [int(e) for e in envs], specs, self.num_envs)
        poses = check_poses("bucket poses", bucket_poses, len(envs))
        jobs = {}
        for k, share in enumerate(self._shares):
            mine = np.flatnonzero((envs >= share[0]) & (envs <= share[-1]))
            if len(mine):
                jobs[k] = ("reset", envs[mine] - share[0], [specs[int(i)] for i in mine], poses[mine])
        self._do(jobs)

    def step(self, targets: Array, duration: float) -> None:
        """Advance `duration` s while each bucket moves in a straight line to its target (N, 4)."""
        check_duration(duration)
        targets = check_poses("bucket targets", targets, self.num_envs)
        self._do({k: ("step", targets[share], duration) for k, share in enumerate(self._shares)})

    def close(self) -> None:
        """End the processes and free the shared memory. The state is gone after this."""
        for pipe, process in zip(self._pipes, self._processes):
            try:
                pipe.send(None)
            except OSError:
                continue  # It is dead already.
            process.join(timeout=5)
        for process in self._processes:
            if process.is_alive():
                process.terminate()
        self._pipes, self._processes = [], []
        del self.state
        for memory in self._memory:
            memory.unlink()
            with contextlib.suppress(BufferError):
                memory.close()  # Somebody may still hold a view; the memory then goes with it.
        self._memory = []

    def _do(self, jobs: Dict[int, tuple]) -> None:
        for k, job in jobs.items():
            self._pipes[k].send(job)
        # Hear all of them before an error is raised, so that no answer is left in a pipe.
        answers = [self._answer(k) for k in jobs]
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        self.failures.count += sum(answers)

    def _wait(self) -> None:
        for k in range(len(self._pipes)):
            self._receive(k)

    def _answer(self, k: int) -> Any:
        try:
            return self._pipes[k].recv()
        except EOFError:
            self._processes[k].join(timeout=5)
            code = self._processes[k].exitcode
            return RuntimeError(f"simulation worker {k} of {len(self._pipes)} died with exit code {code}")

    def _receive(self, k: int) -> Any:
        answer = self._answer(k)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _work(pipe: Connection, engine: str, specs: List[SceneSpec], device: str, options: Dict[str, Any]) -> None:
    """The life of a worker: build a simulator, then do as told until told to end."""
    from prpd_train.engines import make

    try:
        sim = make(engine, specs, device=device, **options)
        pipe.send(
            {name: (np.asarray(getattr(sim.state, name)).shape, str(getattr(sim.state, name).dtype)) for name in _NAMES}
        )
    except BaseException as error:  # Whatever it is, the parent raises it.
        pipe.send(_sendable(error))
        return
    names, layout, first = pipe.recv()
    memory = {name: SharedMemory(name=names[name]) for name in _NAMES}
    shared = {name: np.ndarray(layout[name][0], layout[name][1], memory[name].buf) for name in _NAMES}
    pipe.send(None)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        if job is None:
            sim.close()
            return
        try:
            before = sim.failures.count
            getattr(sim, job[0])(*job[1:])
            for name, array in shared.items():
                mine = np.asarray(getattr(sim.state, name))
                window = tuple(slice(0, n) for n in mine.shape[1:])
                array[(slice(first, first + len(mine)), *window)] = mine
            pipe.send(sim.failures.count - before)
        except BaseException as error:
            pipe.send(_sendable(error))


def _sendable(error: BaseException) -> BaseException:
    """The user's errors as they are; anything else with the worker's own traceback in its text."""
    if isinstance(error, ValueError):
        return ValueError(str(error))
    return RuntimeError(f"{error}\n\nIn a simulation worker:\n{traceback.format_exc()}")
