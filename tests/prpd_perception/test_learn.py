from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from prpd_perception.detector import Calibration, Detector
from prpd_perception.height_map import CHANNELS, SOIL_GRID, STRIDE, block_height
from prpd_perception.learn import drawn as drawn_examples
from prpd_perception.learn.calibration import FALSE_SHARE, Outcome
from prpd_perception.learn.calibration import fit as fit_scores
from prpd_perception.learn.checkpoint import Checkpoint
from prpd_perception.learn.drawn import NAMES, PORTION, Examples, _draw_portion, draw, keep
from prpd_perception.learn.examples import examples, random_examples, random_view, watched
from prpd_perception.learn.network import RockNet
from prpd_perception.learn.quantise import is_quantised, quantise
from prpd_perception.learn.train import (
    DETECTOR_FILE,
    FAR,
    PIECE,
    UNCLEAR,
    TrainDetector,
    batches,
    export,
    fit,
    prepare,
    usual_maps,
)
from prpd_twin.depth_camera.random_scenes import RandomFrames, SceneRanges


def test_the_same_seed_draws_the_same_frames() -> None:
    first, second = (RandomFrames([4, 2], watched=watched).draw() for _ in range(2))
    np.testing.assert_array_equal(first.depth, second.depth)
    assert first.situation == second.situation and first.visible_fraction == second.visible_fraction
    assert not np.array_equal(RandomFrames([4, 3], watched=watched).draw().depth, first.depth)


def test_an_example_marks_the_rock_and_its_height() -> None:
    source, rng = (
        RandomFrames(2, SceneRanges(rock_share=1.0, intruder_share=0.0), watched=watched),
        np.random.default_rng(0),
    )
    drawn = (random_view(source, rng) for _ in range(100))
    frame, views = next((f, v) for f, v in drawn if f.visible_fraction > 0.6 and f.situation in ("bed", "approach"))
    soil = examples(frame, views)[0]
    rows, columns = np.nonzero(soil.surface > 0.7)
    x, y = SOIL_GRID.axes(STRIDE)
    middle = np.array([x[columns].mean(), y[rows].mean()])
    assert np.linalg.norm(middle - frame.rock_position[:2]) < 0.03
    assert abs(float(block_height(soil.channels.astype(float))[rows[0], columns[0]]) - frame.rock_position[2]) < 0.06
    assert soil.shown == pytest.approx(frame.visible_fraction, abs=0.3)


def some(number: int, *, in_bowl: bool, centre: tuple[float, float, float], shown: float) -> Examples:
    rng, (rows, columns) = np.random.default_rng(number), SOIL_GRID.shape
    channels = rng.random((number, len(CHANNELS), rows, columns)).astype(np.float16)
    channels[:, -1] = in_bowl
    surface = rng.random((number, rows // STRIDE, columns // STRIDE)).astype(np.float16)
    return Examples(channels, surface, np.tile(np.float32(centre), (number, 1)), np.full(number, shown, np.float32))


@pytest.mark.parametrize("in_bowl", [True, False])
def test_a_piece_keeps_its_place_when_it_is_cut_out_mirrored_and_lifted(in_bowl: bool) -> None:
    centre = (0.02, -0.01, 0.03)
    batch = prepare(some(40, in_bowl=in_bowl, centre=centre, shown=0.5), np.arange(40), np.random.default_rng(3))
    n = PIECE // STRIDE
    assert batch["channels"].shape == (40, len(CHANNELS), PIECE, PIECE) and batch["offset"].shape == (40, 3, n, n)
    horizontal = np.hypot(batch["offset"][:, 0].numpy(), batch["offset"][:, 1].numpy())
    nearest = horizontal.min((1, 2))
    assert (nearest < 0.005).mean() > (0.99 if in_bowl else 0.6)
    heights = block_height(batch["channels"].numpy()) + batch["offset"][:, 2].numpy()
    assert np.abs(heights - 0.03).max() < 0.0105 and np.ptp(heights[0]) < 1e-4
    assert batch["judged"].all()


def test_a_rock_that_shows_little_is_no_centre_and_its_surroundings_do_not_count() -> None:
    batch = prepare(some(4, in_bowl=True, centre=(0.0, 0.0, 0.0), shown=0.02), np.arange(4), np.random.default_rng(3))
    assert (batch["offset"] == FAR).all()
    spared = 1 - float(batch["judged"].mean())
    assert spared == pytest.approx(np.pi * UNCLEAR**2 / (PIECE * SOIL_GRID.cell) ** 2, rel=0.1)


def test_portions_are_read_as_one_and_one_that_is_there_is_not_drawn_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn_examples, "PORTION", 3)
    _draw_portion((tmp_path / "examples_5_0", [5, 0]))
    second = some(4, in_bowl=True, centre=(0.0, 0.01, 0.02), shown=0.5)
    keep(tmp_path / "examples_5_1", {name: getattr(second, name) for name in NAMES})
    first = random_examples([5, 0], 3)
    both = draw(scenes=6, seed=5, cache=tmp_path)
    index = np.random.default_rng(0).permutation(len(both))
    assert len(both) == len(first) + 4 and not list(tmp_path.glob("*.part"))
    for name in NAMES:
        expected = np.concatenate([np.stack([getattr(one, name) for one in first]), getattr(second, name)])
        np.testing.assert_array_equal(getattr(both, name)[index], expected[index])


def test_batches_hold_everything_once() -> None:
    drawn = np.concatenate(list(batches(100, 8, np.random.default_rng(0))))
    assert len(drawn) == 96 == len(set(drawn.tolist()))


def test_a_training_that_was_interrupted_goes_on_and_ends_up_with_the_same_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = some(16, in_bowl=True, centre=(0.0, 0.01, 0.02), shown=0.5)
    keep(tmp_path / "examples_5_0", {name: getattr(drawn, name) for name in NAMES})
    config = TrainDetector(scenes=PORTION, epochs=2, batch=8, seed=5, cache=tmp_path, output=tmp_path / "a.onnx")
    fit(config)
    save = Checkpoint.save

    def interrupted(self: Checkpoint, epochs: int) -> None:
        save(self, epochs)
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", interrupted)
    config = replace(config, output=tmp_path / "b.onnx")
    with pytest.raises(KeyboardInterrupt):
        fit(config)
    monkeypatch.undo()
    fit(config)
    assert "going on after epoch 1" in capsys.readouterr().out
    assert config.output.read_bytes() == (tmp_path / "a.onnx").read_bytes()
    assert not (tmp_path / "training.pt").exists()


def test_a_damaged_checkpoint_or_one_of_other_settings_is_said_and_not_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {"part": torch.nn.Linear(1, 1)}
    config = TrainDetector(cache=tmp_path)
    Checkpoint(config, parts).save(3)
    assert Checkpoint(config, parts).restore() == 3
    assert Checkpoint(replace(config, epochs=7), parts).restore() == 0
    assert "other settings" in capsys.readouterr().out
    (tmp_path / "training.pt").write_bytes(b"torn")
    assert Checkpoint(config, parts).restore() == 0
    assert "cannot be read" in capsys.readouterr().out


def outcome(rng: np.random.Generator, *, right: bool) -> Outcome:
    peak = rng.normal(2.0) if right else rng.exponential() - 3.0
    deviation = np.array([0.002, 0.002, 0.004])
    error = rng.normal(0, 2 * deviation) if right else np.full(3, 0.2)
    return Outcome(np.array([1.0, peak, rng.uniform(0, 2)]), deviation, error)


def test_calibration_widens_what_was_too_sure_and_seldom_sees_a_rock_where_none_is() -> None:
    rng = np.random.default_rng(1)
    found = [outcome(rng, right=i % 2 == 0) for i in range(600)]
    empty = [[outcome(rng, right=False)] for _ in range(6000)] + [[] for _ in range(4000)]
    fitted = fit_scores(found, empty)
    np.testing.assert_allclose(fitted.deviation, 2.0, rtol=0.15)
    false = [scene for scene in empty if any(np.dot(fitted.score, o.evidence) > 0 for o in scene)]
    assert len(false) == pytest.approx(FALSE_SHARE * len(empty), rel=0.5)
    assert np.dot(fitted.score, (1.0, 5.0, 1.0)) > 0 > np.dot(fitted.score, (1.0, -2.0, 1.0))
    with pytest.raises(ValueError, match="draw more"):
        fit_scores([outcome(rng, right=True) for _ in range(5)], [])


def test_a_network_of_eight_bits_answers_as_that_of_32_does_to_maps_of_any_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path, rng = tmp_path / "net.onnx", np.random.default_rng(0)
    export(RockNet(), path)
    maps = [rng.normal(size=(4, len(CHANNELS), PIECE, PIECE)).astype(np.float32) for _ in range(3)]
    wide = rng.normal(size=(1, len(CHANNELS), *SOIL_GRID.shape)).astype(np.float32)
    asked = [*maps, wide]
    before, size = [Detector(path)._session.run(None, {"channels": each})[0] for each in asked], path.stat().st_size
    assert not is_quantised(path)
    quantise(path, maps)
    after = [Detector(path)._session.run(None, {"channels": each})[0] for each in asked]
    assert is_quantised(path) and path.stat().st_size < 0.4 * size
    for exact, near in zip(before, after, strict=True):
        error, spread = np.abs(near - exact).mean((0, 2, 3)), exact.std((0, 2, 3))
        print("error over spread, of each answer:", (error / spread).round(3))
        assert error.max() > 0 and (error < 0.2 * spread).all()
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_the_maps_that_show_the_ranges_are_those_of_the_training(tmp_path: Path) -> None:
    drawn = some(16, in_bowl=True, centre=(0.0, 0.01, 0.02), shown=0.5)
    keep(tmp_path / "examples_5_0", {name: getattr(drawn, name) for name in NAMES})
    maps = list(usual_maps(TrainDetector(batch=8, seed=5, cache=tmp_path)))
    assert [each.shape for each in maps] == 2 * [(8, len(CHANNELS), PIECE, PIECE)]
    assert is_quantised(DETECTOR_FILE), "the shipped network went through it"


def test_the_shipped_network_carries_its_calibration_and_another_file_may_replace_it(tmp_path: Path) -> None:
    assert Detector().calibration != Calibration()
    with pytest.raises(FileNotFoundError):
        Detector(tmp_path / "none.onnx")


def test_a_network_whose_scores_weigh_other_evidence_is_refused(tmp_path: Path) -> None:
    model = onnx.load(DETECTOR_FILE)
    onnx.helper.set_model_props(model, {"calibration": json.dumps({"score": [0.0, 1.0, 1.0]})})
    onnx.save(model, tmp_path / "old.onnx")
    with pytest.raises(ValueError, match="--epochs 0"):
        Detector(tmp_path / "old.onnx")
