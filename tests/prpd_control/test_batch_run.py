"""What `prpd trials` and `prpd demo` print while they run."""

import threading

from prpd_control.cli.batch_run import State, show


def test_where_no_terminal_is_every_note_gets_its_line_however_quickly_they_follow(capsys):
    state = State()

    def work():
        state.notes += ["trial 1, cube_sand: finished: success (lifted, 6.5 s)", "trial 2, cube_deep: preparing"]

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    show(state, thread)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" s  ")[1] for line in lines[:3]] == state.notes
