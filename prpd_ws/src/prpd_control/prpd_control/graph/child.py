"""Start of one process of the graph: `python -m prpd_control.graph.child prpd_control.excavate.node:main ARGUMENTS`."""

from __future__ import annotations

import importlib
import signal
import sys

from prpd_task.parent import end_with_parent


def main() -> int:
    """Run the named function with the remaining arguments as `sys.argv[1:]`, until its end or its launcher's.

    An arm that streams is then stopped by the controller's own watchdog, which is there for exactly this.
    """
    target, *arguments = sys.argv[1:]
    end_with_parent()
    # Until the node takes its signals itself there is nothing to tidy up; a traceback out of an import tells nobody.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    module, function = target.split(":")
    sys.argv = [module, *arguments]
    return int(getattr(importlib.import_module(module), function)() or 0)


if __name__ == "__main__":
    sys.exit(main())
