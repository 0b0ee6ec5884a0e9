from __future__ import annotations

import torch

from prpd_train.env.config import EnvConfig, Latency
from prpd_train.evaluate.episodes import run_episodes
from prpd_train.evaluate.matrix import Row, markdown
from prpd_train.scene.randomisation import Randomisation

PLAIN = EnvConfig(randomisation=Randomisation.off(), latency=Latency.off(), scenes=2)


def test_every_episode_asked_for_is_counted_and_no_other(kinematic, into_the_bowl):
    outcome = run_episodes(into_the_bowl, PLAIN, delta=0.07, episodes=10, num_envs=4, make_simulator=kinematic)
    assert (outcome.episodes, outcome.successes) == (10, 10)
    assert 10 < outcome.length < 60
    idle = run_episodes(
        lambda o: torch.zeros(len(o), 4), PLAIN, delta=0.07, episodes=3, num_envs=8, make_simulator=kinematic
    )
    assert (idle.episodes, idle.successes, idle.samples) == (3, 0, 3 * PLAIN.task.max_steps)


def test_episodes_that_take_too_long_are_failures(kinematic, into_the_bowl):
    outcome = run_episodes(
        into_the_bowl, PLAIN, delta=0.07, episodes=6, num_envs=6, make_simulator=kinematic, max_steps=5
    )
    assert (outcome.episodes, outcome.successes, outcome.samples) == (6, 0, 30)


def test_the_matrix_has_a_row_for_each_policy_and_a_column_for_each_grain_size():
    def row(policy, delta, successes, engine="warp"):
        return Row(policy, engine, delta, True, "cube", 10, successes, successes / 10, 0.5, 1.0, 40.0, 20.0, 1.0)

    rows = [row("a", 0.07, 9), row("b", 0.07, 8), row("a", 0.01, 7), row("a", 0.07, 1, engine="physx")]
    assert markdown(rows).splitlines() == [
        "| warp | 70 mm | 10 mm |",
        "|---|---|---|",
        "| a | 0.900 [0.50, 1.00] | 0.700 [0.50, 1.00] |",
        "| b | 0.800 [0.50, 1.00] |  |",
        "",
        "| physx | 70 mm |",
        "|---|---|",
        "| a | 0.100 [0.50, 1.00] |",
    ]
