"""The supervisor, with real processes."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from prpd_control.graph.supervisor import Command, Supervisor

PATIENT = "import time\nwhile True: time.sleep(0.05)"
DEAF = f"""import os, signal
for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)
print('up', os.getpid(), flush=True)
{PATIENT}"""


def python(name, code, **more):
    return Command(name, [sys.executable, "-S", "-c", code], **more)


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


@pytest.fixture
def output():
    return io.StringIO()


@pytest.fixture
def supervisor(output):
    with Supervisor(environment=os.environ, output=output) as supervisor:
        yield supervisor


def test_lines_carry_the_name_of_their_process(supervisor, output):
    supervisor.start(python("first", "print('hello')", may_end=True))
    supervisor.start(python("second_one", "print('world')", may_end=True))
    wait_for(lambda: output.getvalue().count("\n") == 2)
    lines = sorted(line.split(" | ") for line in output.getvalue().splitlines())
    assert [(name.strip(), text) for name, text in lines] == [("first", "hello"), ("second_one", "world")]
    assert supervisor.ending() is None


def test_the_process_that_ended_is_named_with_its_last_words(supervisor):
    supervisor.start(python("good", PATIENT))
    supervisor.start(python("bad", "import sys; print('no robot at 1.2.3.4'); sys.exit(3)"))
    ending = supervisor.wait(until=lambda: False)
    assert (ending.name, ending.status) == ("bad", 3)
    wait_for(lambda: "no robot" in supervisor.ending().message)
    assert supervisor.ending().message.startswith("bad ended with status 3\n")


def test_a_status_of_zero_ends_the_graph_too_unless_it_may(supervisor):
    supervisor.start(python("node", ""))
    assert supervisor.wait(until=lambda: False).status == 0


def test_a_deaf_process_and_its_children_are_killed(supervisor, output, monkeypatch):
    monkeypatch.setattr("prpd_control.graph.supervisor.PATIENCE", 0.2)
    monkeypatch.setattr("prpd_control.graph.supervisor.TURN", 0.2)
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-S', '-c', {DEAF!r}])\n{DEAF}"
    supervisor.start(python("deaf", code))
    wait_for(lambda: output.getvalue().count("up") == 2)
    pids = [int(line.split()[-1]) for line in output.getvalue().splitlines()]
    assert len(set(pids)) == 2
    assert supervisor.stop() == ["deaf"]
    wait_for(lambda: not any(alive(p) for p in pids))


def test_a_full_disk_under_the_log_stops_nobody(capsys):
    with open("/dev/full", "w") as log, Supervisor(environment=os.environ, output=log) as supervisor:
        supervisor.start(python("talker", "for i in range(20_000): print('a line that fills the pipe')", may_end=True))
        wait_for(lambda: not supervisor.pids)
        assert supervisor.ending() is None
        supervisor.stop()
        assert capsys.readouterr().err.count("the log cannot be written ([Errno 28] No space left on device)") == 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), log.fileno())  # what is still buffered, goes there


def test_no_orphan_when_the_launcher_is_killed(tmp_path):
    program = textwrap.dedent("""
        import os, sys, time
        from prpd_control.graph.supervisor import Command, Supervisor
        supervisor = Supervisor(environment=os.environ)
        supervisor.start(Command("child", [sys.executable, "-m", "prpd_control.graph.child", "prpd_deaf:main"]))
        time.sleep(60)
    """)
    (tmp_path / "prpd_deaf.py").write_text("def main():\n" + textwrap.indent(DEAF, "    "))
    path = os.pathsep.join([str(tmp_path), *sys.path])
    launcher = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    child = int(launcher.stdout.readline().split()[-1])
    assert alive(child)
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    wait_for(lambda: not alive(child))
