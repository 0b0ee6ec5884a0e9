"""Locks and reservations: one graph per domain and arm, however it is started."""

import os
import subprocess
import sys

import pytest

from prpd_control.graph.description import Options, TrialOptions, excavation, trials, twin
from prpd_control.graph.locks import Lock, Locks, TakenError, first_free
from prpd_control.graph.reservation import reserve
from prpd_task.errors import UserError


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)


def test_a_lock_is_held_once_and_names_its_holder():
    first, second = Lock("arm 10.0.0.1/24"), Lock("arm 10.0.0.1/24")
    first.acquire()
    with pytest.raises(TakenError, match=f"arm 10.0.0.1/24 is held by process {os.getpid()}"):
        second.acquire()
    first.release()
    second.acquire()


def test_a_lock_of_a_dead_process_is_free(tmp_path):
    code = "import sys, tempfile\nfrom prpd_control.graph.locks import Lock\ntempfile.tempdir = sys.argv[1]\n"
    code += "Lock('n').acquire()\nprint(tempfile.tempdir)"
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, env={**os.environ})
    assert (tmp_path / "prpd-n.lock").read_text().isdecimal()
    Lock("n").acquire()


def test_any_user_may_take_a_lock_that_another_one_left(tmp_path):
    Lock("n").acquire()
    assert (tmp_path / "prpd-n.lock").stat().st_mode & 0o666 == 0o666


def test_several_locks_are_held_together_or_not_at_all():
    taken = Locks(["b"])
    with pytest.raises(TakenError, match="b is held"):
        Locks(["a", "b"])
    Locks(["a"])
    taken.release()


def test_the_first_free_candidate_is_taken():
    number, locks = first_free([1, 2], lambda n: [f"n-{n}"])
    other, _locks = first_free([1, 2], lambda n: [f"n-{n}"])
    assert (number, other) == (1, 2)
    with pytest.raises(TakenError, match="n-1 is held .*; n-2 is held"):
        first_free([1, 2], lambda n: [f"n-{n}"])
    locks.release()
    assert first_free([1, 2], lambda n: [f"n-{n}"])[0] == 1


def test_a_second_graph_in_the_domain_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    with reserve(Options(twin=True), excavation) as first:
        assert first.domain == 7
        with pytest.raises(TakenError, match=f"of ROS domain 7 is held by process {os.getpid()}; end that one, or set"):
            reserve(TrialOptions(twin=True), trials, own_domain=True)
    reserve(TrialOptions(twin=True), trials, own_domain=True)


def test_graphs_that_complete_each_other_share_a_domain():
    with reserve(Options(twin=True), twin) as soil:
        rest = Options(robot_ip=soil.options.address, cell="cell.yaml")
        assert reserve(rest, excavation).domain == soil.domain


def test_twins_side_by_side_get_domains_and_addresses_of_their_own():
    options = TrialOptions(twin=True)
    first, second = (reserve(options, trials, own_domain=True) for _ in range(2))
    assert first.domain != second.domain
    assert (first.options.address, second.options.address) == ("127.0.0.1", "127.0.0.2")


def test_one_arm_has_one_driver_in_whatever_domain(monkeypatch):
    options = Options(robot_ip="10.0.0.5", cell="cell.yaml")
    with reserve(options, excavation):
        monkeypatch.setenv("ROS_DOMAIN_ID", "8")
        with pytest.raises(TakenError, match=r"arm 10\.0\.0\.5 is held by process .*another robot_ip"):
            reserve(options, excavation)
        reserve(Options(robot_ip="10.0.0.6", cell="cell.yaml"), excavation)  # the refused one has let go of its nodes


@pytest.mark.parametrize("text", ["abc", "-1", "233", "1.5"])
def test_what_is_no_domain_is_named(monkeypatch, text):
    monkeypatch.setenv("ROS_DOMAIN_ID", text)
    with pytest.raises(UserError, match=f"ROS_DOMAIN_ID={text} is no ROS domain: set a number from 0 to 232"):
        reserve(Options(twin=True), excavation)
