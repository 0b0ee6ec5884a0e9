"""Reports from a real ledger and a real recording, read by a real browser where there is one."""

import os
import re
import shutil
import subprocess
import time

import cv2
import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from prpd_control.report.build import build_report
from prpd_control.report.strips import relief
from prpd_control.trials.batch import Batch
from prpd_control.trials.ledger import Ledger, Outcome, pack
from prpd_control.trials.recorder import Recording
from prpd_interfaces.msg import BucketState
from prpd_task.errors import UserError


def trajectory(count=20):
    observations = [[0.0, -0.2 + 0.01 * i, 0.1 - 0.005 * i, 0.1, 0.01, 0.0, -0.01, float(i > 10)] for i in range(count)]
    return pack(
        {
            "time": [0.1 * i for i in range(count)],
            "age": [0.07] * count,
            "inference_time": [1e-4] * count,
            "observation": observations,
            "action": [[0.1, 0.2, -0.3, 0.0]] * count,
        }
    )


def record(path):
    recording = Recording(path)
    start = time.time_ns()
    for i in range(5):
        depth = np.full((48, 64), 600, np.uint16)
        depth[10:20, 10 + i : 20 + i] = 500
        image = Image(height=48, width=64, encoding="16UC1", step=128)
        image.data = depth.tobytes()
        kind = "sensor_msgs/msg/Image"
        now = start + i * 300_000_000
        recording.write("/camera/depth/image_rect_raw", kind, serialize_message(image), now)
        bucket = BucketState(pitch=0.1 * i)
        bucket.pose.position.y, bucket.pose.position.z = -0.2 + 0.05 * i, 0.1
        recording.write("/bucket/state", "prpd_interfaces/msg/BucketState", serialize_message(bucket), now)
    recording.close()


def fill(folder):
    """A batch of four trials with recordings."""
    batch = Batch("nine <environments>", ("cube_sand", "plate_sand"), policies=("", "/p/other.onnx"), repetitions=1)
    with Ledger(folder / "ledger.sqlite") as ledger:
        number = ledger.add_batch(batch, versions={"python": "3.11"})
        while (trial := ledger.next_planned(number)) is not None:
            ledger.begin(trial)
            good = trial.policy == ""
            name = f"recordings/trial_{trial.id:05d}.mcap"
            record(folder / name)
            reason = "lifted" if good else "rock_lost"
            outcome = "success" if good else "failure"
            kept = {"recording": name, "trajectory": trajectory(), "real_time_factor": 0.8}
            ledger.finish(trial, Outcome(outcome, reason, "m", 9.0 + trial.id, 20, 12.0, **kept))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a batch with its whole report."""
    folder = tmp_path_factory.mktemp("batch")
    fill(folder)
    build_report(folder / "ledger.sqlite", folder=folder, pdf=True, videos=True)
    return folder


def test_the_page_holds_everything_and_needs_nothing(folder):
    text = (folder / "report.html").read_text()
    assert "nine &lt;environments&gt;" in text
    assert "2 of 4 excavated, 50%" in text
    assert "95 % interval 15% to 85%; not accepted: 90% are asked for" in text
    assert "p (McNemar, exact)" in text
    assert "did not keep real time (down to 0.80)" in text
    assert "best: trial" in text
    assert "worst: trial" in text
    assert text.count("<img") == 7
    assert not re.search(r"(src|href)=['\"](?!data:)", text)
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")


def test_relief_hides_the_slant_of_the_view():
    v, u = np.indices((60, 80))
    ground = 1 / (1.0 + 0.004 * v - 0.002 * u)  # a plane, as a pinhole camera sees it
    depth = ground.copy()
    depth[20:30, 30:40] -= 0.08
    depth[:5] = 0.0
    height = relief(depth, depth)
    assert np.isnan(height[:5]).all()
    assert height[20:30, 30:40] == pytest.approx(0.08, abs=1e-4)
    assert height[40:] == pytest.approx(0.0, abs=1e-4)


def test_relief_of_an_empty_image_is_no_error():
    assert np.isnan(relief(np.zeros((6, 8)), np.zeros((6, 8)))).all()


def test_each_recorded_trial_has_a_film(folder):
    text = (folder / "report.html").read_text()
    films = sorted((folder / "videos").iterdir())
    assert [f.name for f in films] == [f"trial_{i:05d}.webm" for i in range(1, 5)]
    film = cv2.VideoCapture(str(films[0]))
    pictures = [picture for ok, picture in iter(film.read, (False, None)) if ok]
    assert len(pictures) == 13  # of 1.2 s, both ends included
    left, right = np.split(pictures[-1].astype(int), 2, axis=1)
    assert np.ptp(left, axis=-1).max() > 150, "the block that the camera saw is red"
    assert (right.max(-1) < 100).mean() > 0.003, "the bucket is drawn"
    assert np.abs(pictures[-1].astype(int) - pictures[0]).max() > 100, "and moves"
    assert text.count("<video") == 2
    assert "data:video/webm;base64," in text


def test_a_recording_that_was_cut_off_costs_only_its_strip(tmp_path):
    fill(tmp_path)
    for path in (tmp_path / "recordings").iterdir():
        path.write_bytes(path.read_bytes()[:200])
    text = build_report(tmp_path / "ledger.sqlite", folder=tmp_path, videos=True).read_text()
    assert text.count("<img") == 5
    assert "<video" not in text


def test_a_batch_that_is_not_there_is_named(folder):
    with pytest.raises(UserError, match=r"has no batch 7; it has 1"):
        build_report(folder / "ledger.sqlite", batch=7, folder=folder)


def test_a_ledger_without_trials_is_no_error_of_ours(tmp_path):
    Ledger(tmp_path / "ledger.sqlite").close()
    with pytest.raises(UserError, match="holds no batch yet"):
        build_report(tmp_path / "ledger.sqlite", folder=tmp_path)


def test_a_batch_that_has_not_begun_has_a_page_too(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add_batch(Batch("b", ("cube_sand",)), versions={})
    assert "planned" in build_report(tmp_path / "ledger.sqlite", folder=tmp_path).read_text()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here")
def test_a_browser_shows_it(folder):
    path = folder / "report.html"
    picture = folder / "page.png"
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1000,4000"]
    subprocess.run(
        [*browser, f"--user-data-dir={folder}/profile", f"--screenshot={picture}", path.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "HOME": str(folder)},
    )
    import matplotlib.image

    pixels = matplotlib.image.imread(picture)[..., :3]
    # A page that shows its figures is not white: text on top, coloured plots below.
    assert (pixels[:300].min(-1) < 0.5).mean() > 0.002
    assert (np.ptp(pixels[300:], axis=-1) > 0.3).mean() > 0.001
