"""Make `typings/isaacgym`: type information for Isaac Gym, mended from the `isaacgym-stubs` wheel.

    python tools/isaacgym_typings.py

The wheel as it is cannot be used: two properties are called `lambda`, which no parser accepts, and its package has an
`__init__.py` where checkers look for `__init__.pyi`. It knows nothing of `gymtorch`, of which two functions are used.
What is made here is not kept under version control; run this again when the wheel changes.
"""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

WHEEL = "isaacgym-stubs"
TYPINGS = Path(__file__).resolve().parents[1] / "typings"
GYMTORCH = '''"""The functions of `isaacgym.gymtorch` that are used."""

from torch import Tensor

from isaacgym import gymapi

def wrap_tensor(gym_tensor: gymapi.Tensor) -> Tensor: ...
def unwrap_tensor(torch_tensor: Tensor) -> gymapi.Tensor: ...
'''


def gymapi_stub() -> str:
    """The wheel's stub of `gymapi`, with names that a parser accepts."""
    wheel = distribution(WHEEL)
    text = Path(str(wheel.locate_file("isaacgym-stubs/gymapi.pyi"))).read_text(encoding="utf-8")
    return text.replace("def lambda(", "def lambda_(")


def write(folder: Path = TYPINGS) -> Path:
    """Write the package `isaacgym` of stubs into a folder; returns it."""
    package = folder / "isaacgym"
    package.mkdir(parents=True, exist_ok=True)
    files = {"__init__.pyi": "", "gymapi.pyi": gymapi_stub(), "gymtorch.pyi": GYMTORCH}
    for name, text in files.items():
        path = package / name
        # Untouched files keep the type checker's cache.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return package


def main() -> int:
    """Write them where the type checker looks."""
    try:
        package = write()
    except PackageNotFoundError:
        print(f"{WHEEL} is not installed; it is in requirements/dev.txt: `./prpd test` installs it", file=sys.stderr)
        return 1
    print(f"{package} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
