from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from prpd_train.env.config import EnvConfig, Latency
from prpd_train.scene.randomisation import Randomisation
from prpd_train.view.episodes import ON_A_PAGE, moments, play, save_sheet
from prpd_train.view.film import write_film

PLAIN = EnvConfig(randomisation=Randomisation.off(), latency=Latency.off(), scenes=2)


@pytest.fixture
def episodes(kinematic, into_the_bowl):
    """One that digs, and idle ones."""

    def act(observation):
        return into_the_bowl(observation) * (torch.arange(len(observation)) == 0)[:, None]

    return play(act, PLAIN, delta=0.07, episodes=ON_A_PAGE + 1, seed=0, make_simulator=kinematic)


def test_each_episode_is_seen_from_its_start_to_its_end_and_no_further(episodes):
    dug, *idle = episodes
    assert dug.success and not any(episode.success for episode in idle)
    assert all(len(episode.snapshots) == PLAIN.task.max_steps + 1 for episode in idle)
    assert 10 < len(dug.snapshots) < 60
    start, end = dug.snapshots[0], dug.snapshots[-1]
    np.testing.assert_allclose(start.bucket_pose, PLAIN.task.start_pose, atol=1e-6)
    assert end.rock_position[2] > start.rock_position[2] + 0.05, "the last picture is of the end, not of the next start"


def test_the_moments_are_start_touch_hold_and_end(episodes):
    snapshots = episodes[0].snapshots
    start, touched, held, end = moments(snapshots, hold_steps=5)
    assert (start, held, end) == (0, len(snapshots) - 6, len(snapshots) - 1)
    heights = [snapshots[step].rock_position[2] for step in (touched - 1, touched, held)]
    assert heights[0] <= snapshots[0].rock_position[2] + 0.01 < heights[1] <= heights[2]


def test_a_sheet_shows_all_episodes_and_keeps_the_verdicts_apart(tmp_path, episodes):
    *pages, verdicts = save_sheet(tmp_path, episodes, PLAIN.task)
    heights = [Image.open(page).height for page in pages]
    assert heights[0] == ON_A_PAGE * heights[1]
    with open(verdicts) as file:
        rows = list(csv.DictReader(file))
    assert [row["success"] for row in rows] == ["True"] + ["False"] * ON_A_PAGE


@pytest.mark.parametrize("name", ["film.gif", "film.mp4"])
def test_a_film_has_every_frame(tmp_path, name):
    frames = [np.full((48, 64, 3), 40 * i, np.uint8) for i in range(5)]
    write_film(tmp_path / name, frames)
    if name.endswith("gif"):
        assert Image.open(tmp_path / name).n_frames == 5
    else:
        import cv2

        assert cv2.VideoCapture(str(tmp_path / name)).get(cv2.CAP_PROP_FRAME_COUNT) == 5
