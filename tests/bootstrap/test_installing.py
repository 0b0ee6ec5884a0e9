"""Packages come by uv, which heeds pip's settings, and by pip where uv cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from bootstrap.packages import pip_settings, uv_settings  # noqa: E402

UV = Path(sys.prefix) / "bin" / "uv"


def test_pips_settings_are_read_as_pip_weighs_them():
    listing = (
        ":env:.index-url='http://of.the.variable/simple'\n"
        "global.find-links='/wheels'\n"
        "global.extra-index-url='\\nhttp://one/simple\\nhttp://two/simple'\n"
        "global.timeout='60'\n"
        "install.timeout='5'\n"
        "install.index-url='http://of.the.section/simple'\n"
        "a warning, of which pip config says = nothing\n"
    )
    assert pip_settings(listing) == {
        "find-links": "/wheels",
        "extra-index-url": "\nhttp://one/simple\nhttp://two/simple",
        "timeout": "5",
        "index-url": "http://of.the.variable/simple",
    }


def test_uv_is_told_what_pip_knows():
    options, variables = uv_settings(
        {
            "index-url": "http://main/simple",
            "extra-index-url": "\nhttp://one/simple\nhttp://two/simple",
            "find-links": "/wheels",
            "trusted-host": "one",
            "no-index": "true",
            "cert": "/certificates.pem",
            "proxy": "http://proxy:3128",
            "timeout": "60",
            "progress-bar": "off",
        }
    )
    assert " ".join(options) == (
        "--no-index --default-index http://main/simple --index http://one/simple --index http://two/simple "
        "--find-links /wheels --allow-insecure-host one"
    )
    assert variables == {
        "SSL_CERT_FILE": "/certificates.pem",
        "ALL_PROXY": "http://proxy:3128",
        "UV_HTTP_TIMEOUT": "60",
    }
    assert uv_settings({"no-index": "false"}) == ([], {})


@pytest.mark.system
@pytest.mark.skipif(not UV.exists(), reason="only where `./prpd` has made the environment")
@pytest.mark.parametrize("able", [True, False])
def test_a_package_comes_by_uv_or_else_by_pip(tmp_path, able):
    root, wheels = tmp_path / "repository", tmp_path / "wheels"
    for folder in ("tools", "requirements"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-m", "venv", str(root / ".venv")], check=True)
    (root / ".venv/prpd").mkdir()
    if able:
        (root / ".venv/bin/uv").symlink_to(UV)
    else:
        (root / ".venv/bin/uv").write_text("#!/bin/sh\necho no uv today; exit 2\n")
        (root / ".venv/bin/uv").chmod(0o755)
    small_wheel(wheels)
    program = (
        f"import sys; sys.path.insert(0, {str(root / 'tools')!r})\n"
        "from bootstrap.packages import install\n"
        "install(['smallthing'], 'installing a small thing')"
    )
    environment = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr + (root / ".venv/prpd/uv.log").read_text()
    (installer,) = root.glob(".venv/lib/*/site-packages/smallthing-1.0.dist-info/INSTALLER")
    assert installer.read_text().strip() == ("uv" if able else "pip")
    assert not (root / ".venv/prpd/incomplete").exists()


def small_wheel(folder: Path) -> None:
    folder.mkdir()
    with zipfile.ZipFile(folder / "smallthing-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("smallthing.py", "")
        wheel.writestr("smallthing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: smallthing\nVersion: 1.0\n")
        wheel.writestr("smallthing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("smallthing-1.0.dist-info/RECORD", "")
