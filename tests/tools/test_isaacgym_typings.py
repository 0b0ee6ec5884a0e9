"""The type checker knows Isaac Gym's interface: mistakes in its use are found without it."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOUND = """
from isaacgym import gymapi, gymtorch
gym = gymapi.acquire_gym()
params = gymapi.SimParams()
params.physx.contact_offset = 0.001
sim = gym.create_sim(0, -1, gymapi.SIM_PHYSX, params)
gym.add_ground(sim, gymapi.PlaneParams())
state = gymtorch.wrap_tensor(gym.acquire_actor_root_state_tensor(sim))
gym.set_dof_state_tensor(sim, gymtorch.unwrap_tensor(state))
"""
MISTAKES = {
    "params.physx.contact_ofset = 0.001": '"PhysXParams" has no attribute "contact_ofset"',
    "gym.add_ground(sim)": 'Missing positional argument "params"',
    "gym.aquire_actor_root_state_tensor(sim)": '"Gym" has no attribute "aquire_actor_root_state_tensor"',
    "gym.set_dof_state_tensor(sim, state)": "has incompatible type",
    "gymapi.SimParameters()": "has no attribute",
}


@pytest.mark.system
@pytest.mark.timeout(300)
def test_mistakes_are_found_and_nothing_else(tmp_path):
    try:
        distribution("isaacgym-stubs")
    except PackageNotFoundError:
        pytest.skip("isaacgym-stubs is not installed; it is in requirements/dev.txt")
    runpy.run_path(str(ROOT / "tools" / "isaacgym_typings.py"))["write"]()
    program = tmp_path / "program.py"
    program.write_text(SOUND + "\n".join(MISTAKES))
    # With the cache of `./prpd test`'s own run: torch's types alone take half a minute to read anew.
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml"]
    done = subprocess.run([*command, str(program)], cwd=ROOT, capture_output=True, text=True, check=False)
    found = dict(re.findall(r"program\.py:(\d+): error: (.*)", done.stdout))
    first = SOUND.count("\n") + 1
    assert sorted(int(line) for line in found) == list(range(first, first + len(MISTAKES))), done.stdout
    for line, complaint in enumerate(MISTAKES.values(), first):
        assert complaint in found[str(line)]
