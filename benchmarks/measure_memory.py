"""How much memory many environments take, measured in a process of their own."""

from __future__ import annotations

import resource
import subprocess
import sys

import numpy as np

from prpd_train.engines import make
from prpd_train.scene.generator import make_scene


def memory_gib(environments: int) -> float:
    """GiB, greatest resident size of a process that holds so many environments of 10 mm and has stepped them.

    All have the same bed, so that the cache of settled beds is nearly empty; with others it holds at most 0.5 GiB more,
    which is added.
    """
    result = subprocess.run([sys.executable, __file__, str(environments)], capture_output=True, text=True, check=True)
    return float(result.stdout.split()[-1]) + 0.5


def main() -> None:
    """Print the greatest resident size, GiB."""
    count = int(sys.argv[1])
    spec = make_scene(0.01)
    poses = np.tile(np.array([0.0, -0.22, 0.14, 0.0], np.float32), (count, 1))
    simulator = make("warp", [spec] * count)
    simulator.reset([0], [spec], poses[:1])
    simulator.reset(range(1, count), [spec] * (count - 1), poses[1:])
    simulator.step(poses, 0.1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


if __name__ == "__main__":
    main()
