"""The fake has only what Isaac Gym has, with the same parameters; so code that runs on it calls nothing imaginary."""

from __future__ import annotations

import ast
import importlib
import inspect
import runpy
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[4] / "tools" / "isaacgym_typings.py"
STRUCTS = ("AssetOptions", "PhysXParams", "PlaneParams", "RigidBodyProperties", "RigidShapeProperties", "SimParams")
STRUCTS += ("Quat", "Transform", "Vec3")


@pytest.fixture(scope="module")
def stub():
    """Bodies of the real interface's classes, and its other names."""
    try:
        tree = ast.parse(runpy.run_path(str(TOOL))["gymapi_stub"]())
    except PackageNotFoundError:
        pytest.skip("isaacgym-stubs is not installed; it is in requirements/dev.txt")
    classes = {node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}
    names = {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}
    return classes, names | {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_methods_of_gym(fake, stub):
    gym = importlib.import_module("isaacgym.gymapi").Gym
    real = {node.name: node.args for node in stub[0]["Gym"] if isinstance(node, ast.FunctionDef)}
    for name, method in inspect.getmembers(gym, inspect.isfunction):
        if name.startswith("_"):
            continue
        assert name in real, f"Isaac Gym has no {name}"
        parameters = list(inspect.signature(method).parameters.values())
        if real[name].vararg is None:
            assert len(parameters) == len(real[name].args), name
            optional = sum(p.default is not inspect.Parameter.empty for p in parameters)
            assert optional == len(real[name].defaults), name
            for parameter, argument in zip(parameters, real[name].args):
                assert argument.arg.startswith("arg") or parameter.name.rstrip("_") == argument.arg, name


@pytest.mark.parametrize("name", STRUCTS)
def test_fields(fake, stub, name):
    fields = set(getattr(importlib.import_module("isaacgym.structs"), name).fields)
    real = {node.target.id for node in stub[0][name] if isinstance(node, ast.AnnAssign)}
    assert fields <= real, f"{name} has no {sorted(fields - real)}"


def test_constants(fake, stub):
    module = importlib.import_module("isaacgym.gymapi")
    constants = {name for name in vars(module) if name.isupper()}
    assert len(constants) > 10
    assert constants <= stub[1]
    assert set(module.__all__) <= set(stub[0])
