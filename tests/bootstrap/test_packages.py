"""The packages as a ROS distribution sees them: manifests, entry points, what is installed."""

from __future__ import annotations

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "prpd_ws/src"
PACKAGES = sorted(path.parent.name for path in SOURCES.glob("*/setup.py"))
ROS = re.compile(r"rclpy|launch|launch_ros|tf2_ros|\w+_msgs|std_srvs|\w+_interfaces|ament_index_python")


def manifest(package: str) -> ElementTree.Element:
    return ElementTree.parse(SOURCES / package / "package.xml").getroot()


def declared(package: str) -> set[str]:
    return {tag.text or "" for tag in manifest(package).iter() if tag.tag in ("depend", "exec_depend")}


def imported(package: str) -> set[str]:
    names = set()
    for path in (SOURCES / package / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - {package} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("package", [*PACKAGES, "prpd_interfaces"])
def test_the_manifest_is_complete(package):
    root = manifest(package)
    assert root.get("format") == "3"
    assert root.findtext("license") == "Apache-2.0"
    assert root.findtext("name") == package
    assert len(root.findtext("description") or "") > 20


@pytest.mark.parametrize("package", PACKAGES)
def test_versions_agree(package):
    setup = (SOURCES / package / "setup.py").read_text()
    assert f'version="{manifest(package).findtext("version")}"' in setup
    assert (SOURCES / package / "resource" / package).is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_imported_of_ros_is_declared(package):
    missing = {name for name in imported(package) if ROS.fullmatch(name)} - declared(package)
    assert not missing, f"{package}/package.xml lacks {sorted(missing)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_data_inside_the_package_is_installed(package):
    setup = (SOURCES / package / "setup.py").read_text()
    patterns = re.findall(r'"(\*\*/\*\.\w+)"', setup)
    for path in (SOURCES / package / package).rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc", ".pyi"):
            assert f"**/*{path.suffix}" in patterns, f"{path} is not among package_data of {package}/setup.py"


def test_entry_points_exist():
    for package in PACKAGES:
        setup = (SOURCES / package / "setup.py").read_text()
        for name, module, function in re.findall(r'"([\w-]+) = ([\w.]+):(\w+)"', setup):
            path = SOURCES / package / (module.replace(".", "/") + ".py")
            assert path.is_file(), f"{name} of {package}: {path} is not there"
            functions = {n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)}
            assert function in functions, f"{name} of {package}: {module} has no {function}"
