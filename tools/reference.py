"""Write `docs/reference.md` from the sources: commands, launch arguments, topics, services, parameters, messages.

    python tools/reference.py [--check]

Only reads; nothing is imported, so that it runs without ROS. `--check` fails if the page is not up to date.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "prpd_ws/src"
PAGE = ROOT / "docs/reference.md"
NODES = {
    "bucket_driver": ("prpd_control/prpd_control/driver/node.py", "prpd_control/prpd_control/driver/static_frames.py"),
    "excavate": ("prpd_control/prpd_control/excavate/node.py",),
    "rock_state": ("prpd_perception/prpd_perception/node.py",),
    "soil_world": ("prpd_twin/prpd_twin/soil_world/node.py",),
    "depth_camera": ("prpd_twin/prpd_twin/depth_camera/node.py",),
    "trials": ("prpd_control/prpd_control/trials/cell_client.py",),
}
"""The modules in which a node's topics and services are named."""
PARAMETER_CLASSES = {
    "bucket_driver": ("prpd_control/prpd_control/driver/settings.py", "DriverSettings"),
    "excavate": ("prpd_control/prpd_control/excavate/settings.py", "ExcavationSettings"),
    "rock_state": ("prpd_perception/prpd_perception/parameters.py", "Parameters"),
}
LAUNCH_FILES = {"excavate": "Options", "trials": "TrialOptions"}
GRAPH = "prpd_control/prpd_control/graph/description.py"
HEADER = "# Reference\n\nWritten by `python tools/reference.py` from the sources.\n"


def tree(path: str) -> ast.Module:
    """The parsed source of a module."""
    return ast.parse((SOURCES / path).read_text(encoding="utf-8"))


def fields(path: str, name: str) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, default and description of a dataclass's fields, inherited ones first."""
    classes = {node.name: node for node in tree(path).body if isinstance(node, ast.ClassDef)}
    for base in classes[name].bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from fields(path, base.id)
    body = classes[name].body
    for statement, following in zip(body, [*body[1:], None]):
        if not isinstance(statement, ast.AnnAssign) or statement.value is None:
            continue
        default, text = statement.value, _docstring(following)
        if isinstance(default, ast.Call) and ast.unparse(default.func) == "setting":
            default, text, *limits = default.args
            text = ast.literal_eval(text)
            text += " [{} ... {}]".format(*map(ast.unparse, limits)) if limits else ""
        yield (
            ast.unparse(statement.target),
            ast.unparse(statement.annotation),
            ast.unparse(default),
            " ".join(text.split()),
        )


def _docstring(statement: ast.stmt | None) -> str:
    value = getattr(statement, "value", None)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def connections(path: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and type of what a node publishes, subscribes to, serves and calls, where the name is a literal."""
    kinds = {
        "create_publisher": "publishes",
        "create_lifecycle_publisher": "publishes",
        "create_subscription": "subscribes",
        "create_service": "serves",
        "create_client": "calls",
        "ActionServer": "serves (action)",
        "ActionClient": "calls (action)",
    }
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        kind = kinds.get(ast.unparse(node.func).split(".")[-1])
        names = [a.value for a in node.args[:3] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        if kind and names:
            interface = next(ast.unparse(a) for a in node.args if isinstance(a, ast.Name) and a.id[:1].isupper())
            yield kind, names[0], interface


def commands() -> Iterator[tuple[str, str]]:
    """The `prpd` sub-commands and the first line of their modules' docstrings."""
    for setup in sorted(SOURCES.glob("*/setup.py")):
        group = re.search(r'"prpd\.commands": \[(.*?)\]', setup.read_text(encoding="utf-8"), re.DOTALL)
        for name, module in re.findall(r'"([\w-]+) = ([\w.]+):\w+"', group.group(1) if group else ""):
            path = setup.parent / (module.replace(".", "/") + ".py")
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            yield name, text.splitlines()[0].replace(f"`prpd {name}`: ", "")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return (
        "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]) + "\n"
    )


def page() -> str:
    """The whole reference."""
    parts = [HEADER, "\n## Commands\n\n", table(("`prpd ...`", ""), [(f"`{n}`", t) for n, t in sorted(commands())])]
    parts.append("\n`prpd COMMAND --help` lists the options of each.\n\n## Launch files\n")
    for file, options in LAUNCH_FILES.items():
        parts.append(f"\n### `ros2 launch prpd_control {file}.launch.py`\n\n")
        parts.append(
            table(("Argument", "Default", ""), [(f"`{n}`", f"`{d}`", t) for n, _, d, t in fields(GRAPH, options)])
        )
    parts.append("\n## Nodes\n")
    for node, paths in NODES.items():
        found = {connection for path in paths for connection in connections(path)}
        rows = [(kind, f"`{name}`", f"`{interface}`") for kind, name, interface in sorted(found)]
        parts += [f"\n### `{node}`\n\n", table(("", "Name", "Type"), rows)]
        if node in PARAMETER_CLASSES:
            rows = [(f"`{n}`", f"`{d}`", t) for n, _, d, t in fields(*PARAMETER_CLASSES[node])]
            parts += ["\n", table(("Parameter", "Default", ""), rows)]
    parts.append("\n## Messages, services, actions\n")
    for path in sorted((SOURCES / "prpd_interfaces").glob("*/*.*")):
        parts.append(
            f"\n### `prpd_interfaces/{path.parent.name}/{path.stem}`\n\n```\n{path.read_text(encoding='utf-8')}```\n"
        )
    return "\n".join("".join(parts).splitlines()) + "\n"


def main() -> int:
    """Write the page, or check it."""
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text(encoding="utf-8") == page():
            return 0
        print(f"{PAGE} is not up to date: run `python tools/reference.py`", file=sys.stderr)
        return 1
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
