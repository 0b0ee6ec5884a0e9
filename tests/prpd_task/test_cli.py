"""The `prpd` command: what it lists, what it refuses, what it says."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from prpd_task import cli
from prpd_task.errors import UserError


@pytest.fixture
def command(monkeypatch):
    """Declares one sub-command, with this function as its body, and runs it."""

    def declare(body):
        entry = EntryPoint("dig", "prpd_task.cli:main", cli.GROUP)
        monkeypatch.setattr(EntryPoint, "load", lambda self: body)
        monkeypatch.setattr(cli, "commands", lambda: {"dig": entry})
        return cli.main(["dig", "deep"])

    return declare


def test_every_declared_command_is_there_and_described():
    for name, entry in cli.commands().items():
        line = cli.summary(entry)
        assert line and "(" not in line[:1], f"{name}: {line}"
        assert len(line) <= 110, f"{name}: {line}"


def test_help_lists_commands_without_heavy_imports():
    program = (
        "import sys\nfrom prpd_task.cli import main\nstatus = main(['--help'])\n"
        "heavy = {'torch', 'numpy', 'rclpy', 'cv2', 'warp', 'sapien', 'tyro'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("usage: prpd COMMAND")


def test_arguments_and_status_pass_through(command):
    seen = []
    assert command(lambda argv: seen.append(argv) or 3) == 3
    assert seen == [["deep"]]


def test_an_unknown_command_is_answered_with_near_ones(command, capsys):
    command(lambda argv: 0)
    assert cli.main(["digg"]) == 2
    assert "did you mean `dig`?" in capsys.readouterr().err
    assert cli.main(["zzz"]) == 2
    assert "`prpd --help`" in capsys.readouterr().err


def test_what_the_user_can_mend_is_one_line(command, capsys):
    def fail(argv):
        raise UserError("policy.onnx has no contract; export it again")

    assert command(fail) == 2
    assert capsys.readouterr().err == "prpd: policy.onnx has no contract; export it again\n"


def test_a_missing_file_is_named(command, capsys):
    assert command(lambda argv: Path("/no/such/file").read_text()) == 2
    assert capsys.readouterr().err == "prpd: No such file or directory: /no/such/file\n"


def test_a_full_disk_is_named_with_the_remedy(command, capsys):
    def fill(argv):
        with open("/dev/full", "w") as file:  # every write to it fails for want of space
            file.write("x")

    assert command(fill) == 2
    assert capsys.readouterr().err == "prpd: No space left on device; make room, then run the same command again\n"


def test_a_reader_that_leaves_is_no_error():
    program = "from prpd_task.cli import run; run(lambda: [print('line') for _ in range(100_000)] and 0)"
    pipe = f'"{sys.executable}" -c "{program}" | head -n 1'
    run = subprocess.run(pipe, shell=True, capture_output=True, text=True, check=False)
    assert run.stdout == "line\n"
    assert run.stderr == ""


def test_a_reader_of_the_help_that_leaves_is_no_error():
    run = subprocess.run(
        f'"{sys.executable}" -m prpd_task.cli --help | true', shell=True, capture_output=True, text=True, check=False
    )
    assert run.stderr == ""


def test_a_defect_keeps_its_traceback(command):
    with pytest.raises(ZeroDivisionError):
        command(lambda argv: 1 // 0)


def test_ctrl_c_is_not_a_traceback(command, capsys):
    def interrupted(argv):
        raise KeyboardInterrupt

    assert command(interrupted) == 130
    assert "interrupted" in capsys.readouterr().err
