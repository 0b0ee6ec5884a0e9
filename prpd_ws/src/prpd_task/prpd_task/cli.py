"""The `prpd` command: one door to the sub-commands that the packages declare.

A package adds one by an entry point `name = module:main` in the group `prpd.commands`, where `main(argv)` returns the
exit status. The first line of the module's docstring is its help line; it is read without importing the module, so that
`prpd --help` is instant however heavy the packages are.
"""

from __future__ import annotations

import ast
import difflib
import errno
import importlib.util
import os
import signal
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Callable, Dict, List, Optional

from prpd_task.errors import UserError

GROUP = "prpd.commands"


def commands() -> Dict[str, EntryPoint]:
    """The sub-commands that are installed, by name, in alphabetical order."""
    found = entry_points(group=GROUP)
    return {entry.name: entry for entry in sorted(found, key=lambda entry: entry.name)}


def summary(entry: EntryPoint) -> str:
    """The first line of the docstring of the command's module; what is missing where that cannot be read."""
    path = _source(entry.module)
    if path is None:
        return f"(not available: module {entry.module} is not installed)"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "(no description)"
    return text.strip().splitlines()[0].replace(f"`prpd {entry.name}`: ", "")


def _source(module: str) -> Optional[Path]:
    """The file of a module, found without running any of its package's code but the outermost `__init__`'s location."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        stem = Path(folder).joinpath(*rest)
        for path in (stem.with_suffix(".py"), stem / "__init__.py"):
            if path.is_file():
                return path
    return None


def usage(available: Dict[str, EntryPoint]) -> str:
    """What `prpd --help` prints."""
    width = max([len(name) for name in available], default=0)
    lines = [f"  {name:<{width}}  {summary(entry)}" for name, entry in available.items()]
    return "\n".join(
        ["usage: prpd COMMAND [OPTIONS]", "", "Commands:", *(lines or ["  (none is installed)"]), ""]
        + ["`prpd COMMAND --help` shows the options of one."]
    )


def main(argv: Optional[List[str]] = None) -> int:
    """Run a sub-command; returns the exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    available = commands()
    if not argv or argv[0] in ("-h", "--help", "help"):
        return run(lambda: print(usage(available), flush=True)) or (0 if argv else 2)
    name, rest = argv[0], argv[1:]
    if name not in available:
        near = difflib.get_close_matches(name, available, n=3)
        hint = f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else "`prpd --help` lists the commands"
        return _complain(f"{name!r} is not a command; {hint}")
    return run(lambda: available[name].load()(rest))


def run(command: Callable[[], Optional[int]]) -> int:
    """Run `command`; what the user can mend becomes one message, a defect keeps its traceback."""
    try:
        return command() or 0
    except UserError as error:
        return _complain(str(error))
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has left: not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _complain(f"{error.strerror}{_named(error)}; make room, then run the same command again")
        if error.filename is None:
            raise
        return _complain(f"{error.strerror}: {error.filename}")
    except KeyboardInterrupt:
        print("\nprpd: interrupted", file=sys.stderr)
        return 128 + signal.SIGINT


def _named(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _complain(message: str) -> int:
    print(f"prpd: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
