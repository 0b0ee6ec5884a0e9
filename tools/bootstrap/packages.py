"""Packages into the environment: uv installs them in a fraction of pip's time; where it cannot, pip does.

The user's settings are pip's (pip.conf, PIP_INDEX_URL and so on), which uv is told.
"""

from __future__ import annotations

import ast
import os
from typing import Dict, List, Mapping, Tuple

from bootstrap.console import Problem, Step
from bootstrap.layout import PYTHON, REQUIREMENTS, STATE, VENV
from bootstrap.process import logged
from bootstrap.ros import without_ros

INCOMPLETE = STATE / "incomplete"
"""Present while packages are being installed: what is there then cannot be trusted."""

UV = VENV / "bin" / "uv"
CONSTRAINTS = ["-c", str(REQUIREMENTS / "constraints.txt")]
NETWORK_SIGNS = ("NewConnectionError", "NameResolutionError", "Temporary failure in name resolution", "ConnectTimeout",
                 "ReadTimeout", "Network is unreachable", "ProxyError", "SSLError")  # fmt: skip


def install(arguments: List[str], title: str) -> None:
    """Install what the arguments of `pip install` name; a failure is a `Problem`."""
    INCOMPLETE.touch()
    with Step(title) as step:
        begun = False
        if UV.exists():
            done, begun = _by_uv(arguments, step)
            if done:
                INCOMPLETE.unlink()
                return
            step.detail("uv could not; pip is at it")
        _by_pip(arguments, step, begun=begun)


def provide_uv() -> None:
    """Get uv itself, if it is not there."""
    if not UV.exists():
        install(["-r", str(REQUIREMENTS / "installer.txt")], "installing uv")


def _by_uv(arguments: List[str], step: Step) -> Tuple[bool, bool]:
    """Whether it succeeded, and whether it may have begun to install."""
    environment = _pip_environment()
    log = STATE / "uv.log"
    status, listing = logged([PYTHON, "-m", "pip", "config", "list"], environment, log)
    if status:
        return False, False
    options, variables = uv_settings(pip_settings(listing))
    command = [str(UV), "pip", "install", "--python", PYTHON, "--index-strategy", "unsafe-best-match"]
    command += ["--compile-bytecode", *options, *CONSTRAINTS, *arguments]
    status, _ = logged(command, {**environment, **variables}, log, lambda line: step.detail(_short(line)))
    return status == 0, "Resolved" in log.read_text(encoding="utf-8", errors="replace")


def pip_settings(listing: str) -> Dict[str, str]:
    """What `pip config list` says of `pip install`; its section counts more than the global one, a variable most."""
    settings = {}
    for section in ("global.", "install.", ":env:."):
        for line in listing.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                settings[name[len(section) :]] = str(ast.literal_eval(value))
    return settings


def uv_settings(settings: Mapping[str, str]) -> Tuple[List[str], Dict[str, str]]:
    """The same as options and environment variables of uv. What uv does not know is left to pip, should uv fail."""
    options = ["--no-index"] if settings.get("no-index", "0").lower() in ("1", "true", "yes", "on") else []
    for name, option in (
        ("index-url", "--default-index"),
        ("extra-index-url", "--index"),
        ("find-links", "--find-links"),
        ("trusted-host", "--allow-insecure-host"),
    ):
        for value in settings.get(name, "").split():
            options += [option, value]
    variables = {}
    for name, variable in (
        ("cert", "SSL_CERT_FILE"),
        ("proxy", "ALL_PROXY"),
        ("default-timeout", "UV_HTTP_TIMEOUT"),
        ("timeout", "UV_HTTP_TIMEOUT"),
    ):
        if name in settings:
            variables[variable] = settings[name]
    return options, variables


def _by_pip(arguments: List[str], step: Step, *, begun: bool) -> None:
    command = [PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--retries=2"]
    command += [*CONSTRAINTS, *arguments]
    log = STATE / "pip.log"
    status, tail = logged(command, _pip_environment(), log, lambda line: step.detail(_short(line)))
    text = log.read_text(encoding="utf-8", errors="replace")
    if status == 0 or (status > 0 and not begun and "Installing collected packages" not in text):
        INCOMPLETE.unlink()
    if status == 0:
        return
    if any(sign in text for sign in NETWORK_SIGNS):
        raise Problem(
            "The Python package index cannot be reached.",
            "Check the network and the proxy (HTTPS_PROXY), or name a mirror with PIP_INDEX_URL; then run the same "
            f"command again: it goes on from here. pip's own words are in {log}.",
        )
    raise Problem(f"pip failed:\n{tail.rstrip()}", f"All of its output is in {log}.")


def _pip_environment() -> Dict[str, str]:
    elsewhere = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    return {name: value for name, value in without_ros(os.environ).items() if name not in elsewhere}


def _short(line: str) -> str:
    words = line.split()
    if line.startswith("Installing collected packages"):
        return "unpacking"
    said = ("Collecting", "Downloading", "Using", "Resolved", "Prepared", "Installed", "Building")
    return " ".join(words[:3]) if words and words[0] in said else ""
