"""The excavation environment and a learner over this engine."""

from __future__ import annotations

import pytest
import torch

from prpd_train.env.config import EnvConfig
from prpd_train.env.excavation import Excavation


@pytest.mark.parametrize("scene", ["paper", "solid"])
def test_episodes_begin_again_in_their_own_scenes(fake, make, scene):
    from prpd_train.env.config import task_for

    config = EnvConfig(task=task_for(scene, max_steps=3), scene=scene, engine="isaacgym", scenes=2)
    environment = Excavation(config, delta=0.05, num_envs=4, seed=1, make_simulator=make)
    environment.reset()
    ended = 0
    for _ in range(7):
        step = environment.step(torch.full((4, 4), 0.5))
        ended += int((step.terminated | step.truncated).sum())
        assert torch.isfinite(step.reward).all()
    assert ended == 8
    assert fake.last().calls.count("simulate") == 12 + 12 + 6 + 7 * 24
    environment.close()
