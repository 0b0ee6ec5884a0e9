"""What all tests share: a ROS domain of their own, markers by folder, and no process left behind."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from pathlib import Path

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
        if not any(item.iter_markers("system")) and not any(item.iter_markers("slow")):
            item.add_marker(pytest.mark.unit)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A process that outlives its test is a failure of the run."""
    left = [p for p in psutil.Process().children(recursive=True) if not _is_pythons_own(p)]
    _, alive = psutil.wait_procs(left, timeout=5)
    for process in alive:
        session.config.get_terminal_writer().line(f"left behind: {process.pid} {' '.join(process.cmdline())}", red=True)
    if alive and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


domain_lock = pytest.StashKey[object]()


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
