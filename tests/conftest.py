"""What all tests share: a ROS domain of their own, markers by folder, and no process left behind."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import psutil
import pytest

HERE = Path(__file__).parent
DOMAINS = range(1, 50)
"""From which a run takes one for itself; runs side by side do not hear each other."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[domain_lock] = _reserve_domain()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A script's `pytest &` ignores Ctrl-C, and so would all that the tests start, whose end by Ctrl-C they test.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (HERE / "system") in item.path.parents:
            item.add_marker(pytest.mark.system)
            if not any(item.iter_markers("patient")):
                item.add_marker(pytest.mark.alone)
        if not any(item.iter_markers("system")) and not any(item.iter_markers("slow")):
            item.add_marker(pytest.mark.unit)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A process that outlives its test is a failure of the run."""
    config = session.config
    left = config.stash.get(left_behind, [])
    if config.getoption("dist", "no") == "no":  # the run that only hands tests out has those who run them as children
        processes = [p for p in psutil.Process().children(recursive=True) if not _is_pythons_own(p)]
        _, alive = psutil.wait_procs(processes, timeout=5)
        left += [f"{p.pid} {' '.join(p.cmdline())}" for p in alive]
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_behind"] = left
        return
    for line in left:
        config.get_terminal_writer().line(f"left behind: {line}", red=True)
    if left and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """One of the processes that run tests side by side has ended."""
    left = node.config.stash.setdefault(left_behind, [])
    left += getattr(node, "workeroutput", {}).get("left_behind", [])


domain_lock = pytest.StashKey[object]()
left_behind = pytest.StashKey[list[str]]()


def _reserve_domain() -> object:
    """Set ROS_DOMAIN_ID to one that no other test run on this machine has; the kernel frees it when this one ends."""
    for domain in DOMAINS:
        file = open(Path(tempfile.gettempdir()) / f"prpd_test_domain_{os.getuid()}_{domain}", "w")  # noqa: SIM115
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        return file
    raise pytest.UsageError(f"all ROS domains of {DOMAINS} are taken by other test runs; end some of them")


def _is_pythons_own(process: psutil.Process) -> bool:
    try:
        return "multiprocessing" in " ".join(process.cmdline()) or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
