from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from prpd_perception.detector import Calibration, Candidate, Detector
from prpd_perception.height_map import CHANNELS, HEIGHT_SCALE, STRIDE, Grid
from prpd_perception.learn.calibration import Outcome, fit
from prpd_perception.learn.examples import examples
from prpd_perception.learn.train import Examples, _merged, batches
from prpd_twin.depth_camera.random_scenes import RandomFrames, SceneRanges


def test_the_same_seed_draws_the_same_frames() -> None:
    first, second = (RandomFrames([4, 2], cropped=True).draw() for _ in range(2))
    np.testing.assert_array_equal(first.depth, second.depth)
    assert first.situation == second.situation and first.visible_fraction == second.visible_fraction
    assert (RandomFrames([4, 3], cropped=True).draw().depth != first.depth).any()


def test_an_example_marks_the_rock_and_its_height() -> None:
    source = RandomFrames(2, SceneRanges(rock_share=1.0, intruder_share=0.0), cropped=True)
    frame = next(f for f in iter(source.draw, None) if f.visible_fraction > 0.6 and f.situation in ("bed", "approach"))
    soil = examples(frame)[0]
    rows, columns = np.nonzero(soil.rock > 0.7)
    axis = Grid(soil.channels.shape[-1]).centres(STRIDE)
    middle = np.array([axis[columns].mean(), axis[rows].mean()])
    assert np.linalg.norm(middle - frame.rock_position[:2]) < 0.03
    heights = soil.channels[CHANNELS.index("height")].astype(float) * HEIGHT_SCALE
    assert abs(heights[rows[0] * STRIDE, columns[0] * STRIDE] - float(soil.height[rows[0], columns[0]])) < 0.03


def some(number: int, cells: int, *, in_bowl: bool) -> Examples:
    rng = np.random.default_rng(cells)
    channels = rng.random((number, len(CHANNELS), cells, cells)).astype(np.float16)
    channels[:, -1] = in_bowl
    blocks = rng.random((2, number, cells // STRIDE, cells // STRIDE)).astype(np.float16)
    return Examples(channels, blocks[0], rng.random((number, 3)).astype(np.float32), blocks[1])


def test_small_maps_keep_their_middle_when_they_are_widened() -> None:
    small, large = some(3, 48, in_bowl=True), some(5, 80, in_bowl=False)
    both = _merged([small, large])
    assert both.channels.shape == (8, len(CHANNELS), 80, 80) and both.rock.shape == (8, 40, 40)
    np.testing.assert_array_equal(both.channels[:3, :, 16:64, 16:64], small.channels)
    np.testing.assert_array_equal(both.rock[:3, 8:32, 8:32], small.rock)
    assert (both.channels[:3, -1] == 1).all() and (both.channels[3:, -1] == 0).all()
    assert not both.channels[:3, :-1, :16].any()


def test_batches_hold_everything_once() -> None:
    drawn = np.concatenate(list(batches(100, 8, np.random.default_rng(0))))
    assert len(drawn) == 96 == len(set(drawn.tolist()))


def outcome(rng: np.random.Generator, *, right: bool) -> Outcome:
    votes, likeness = (rng.uniform(8, 30), rng.uniform(0.7, 1)) if right else (rng.uniform(1, 5), rng.uniform(0.4, 0.6))
    deviation = np.array([0.002, 0.002, 0.004])
    error = rng.normal(0, 2 * deviation) if right else np.full(3, 0.2)
    empty = np.zeros((1, 1), bool)
    candidate = Candidate(np.zeros(3), deviation, 0.5, float(votes), float(likeness), empty, in_bowl=False)
    return Outcome(candidate, error)


def test_calibration_widens_what_was_too_sure_and_tells_right_from_wrong() -> None:
    rng = np.random.default_rng(1)
    fitted = fit([outcome(rng, right=i % 2 == 0) for i in range(600)])
    np.testing.assert_allclose(fitted.deviation, 2.0, rtol=0.15)
    a, b, c = fitted.score
    assert a + b * np.log(20) + c * 0.9 > 2 and a + b * np.log(2) + c * 0.5 < -2
    with pytest.raises(ValueError, match="draw more"):
        fit([outcome(rng, right=True) for _ in range(5)])


def test_the_shipped_network_carries_its_calibration_and_another_file_may_replace_it(tmp_path: Path) -> None:
    assert Detector().calibration != Calibration()
    with pytest.raises(FileNotFoundError):
        Detector(tmp_path / "none.onnx")
