from __future__ import annotations

from prpd_twin.ur_controller.upload import PathMove, PathSignal, read_program, take_programs

CONTROL = """def rtde_control():
    global reg_offset_float = # float register offset
24    global reg_offset_int = # int register offset
24    global force_mode_type = 2
    def exec_move_path():
        textmsg("exec_move_path")
\tsignal_async_progress(0)
\tmovel(p[0.1,-0.2,0.3,0,3.1,0],a=1.5,v=0.2,r=0.01)
\tsignal_async_progress(1)
\tmovej([0,-1.5,1.5e0,-1.5,-1.5,0],a=2,v=0.7,r=0)
    end
    textmsg("RTDE Control Script Loaded (14.02.2024-12:23)")
end
"""


def test_programs_end_with_end_in_the_first_column_however_the_stream_is_cut() -> None:
    stream = (CONTROL + "def other():\n  popup(1)\nend\n").encode()
    buffer, programs = bytearray(), []
    for start in range(0, len(stream), 7):
        buffer += stream[start : start + 7]
        programs += list(take_programs(buffer))
    assert programs == [CONTROL, "def other():\n  popup(1)\nend\n"]
    assert not buffer


def test_a_program_may_end_without_a_last_line_feed() -> None:
    assert list(take_programs(bytearray(b"def a():\n  stopj(2)\nend"))) == ["def a():\n  stopj(2)\nend"]


def test_the_control_script_is_known_with_its_offsets_and_path() -> None:
    upload = read_program(CONTROL)
    assert upload.is_control_script and upload.name == "rtde_control"
    assert (upload.int_offset, upload.float_offset) == (24, 24)
    assert upload.path == (
        PathSignal(0),
        PathMove("movel", True, (0.1, -0.2, 0.3, 0.0, 3.1, 0.0), acceleration=1.5, speed=0.2, blend=0.01),
        PathSignal(1),
        PathMove("movej", False, (0.0, -1.5, 1.5, -1.5, -1.5, 0.0), acceleration=2.0, speed=0.7, blend=0.0),
    )


def test_any_other_program_is_only_named() -> None:
    upload = read_program("sec wave():\n  movej([0,0,0,0,0,0])\nend\n")
    assert upload.name == "wave" and not upload.is_control_script and upload.path == ()
