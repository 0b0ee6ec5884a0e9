from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from prpd_task.frames import Pose
from prpd_twin.snapshot import MAX_GRAINS, Scene, SnapshotReader, SnapshotWriter

SCENE = Scene(
    box_size=(0.24, 0.28, 0.1),
    wall_height=0.03,
    grain_edge=0.008,
    rock_vertices=np.eye(4, 3, dtype=np.float32),
    rock_triangles=np.array([[0, 1, 2], [0, 2, 3]], np.int32),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    grains = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    rock, bucket = Pose.from_rpy((0.1, 0.2, 0.3), yaw=1.0), Pose.from_bucket((0.0, -0.2, 0.1, 0.4))
    with SnapshotWriter(tmp_path / "soil") as writer:
        writer.write_scene(SCENE)
        writer.write(stamp_ns=5, grains=grains, rock=rock, bucket=bucket)
        reader = SnapshotReader(tmp_path / "soil")
        snapshot, scene = reader.read(), reader.scene()
    assert snapshot is not None and scene is not None
    assert snapshot.stamp_ns == 5
    np.testing.assert_array_equal(snapshot.grains, grains)
    np.testing.assert_allclose(snapshot.rock.position + snapshot.rock.quaternion, rock.position + rock.quaternion)
    np.testing.assert_allclose(snapshot.bucket.bucket_pose(), [0.0, -0.2, 0.1, 0.4])
    assert (scene.box_size, scene.wall_height, scene.grain_edge) == (
        SCENE.box_size,
        SCENE.wall_height,
        SCENE.grain_edge,
    )
    np.testing.assert_array_equal(scene.rock_triangles, SCENE.rock_triangles)


def test_nothing_to_read_is_none(tmp_path: Path) -> None:
    reader = SnapshotReader(tmp_path / "soil")
    assert reader.read() is None and reader.scene() is None
    with SnapshotWriter(tmp_path / "soil") as writer:
        assert reader.read() is None and reader.scene() is None
        writer.write_scene(SCENE)
        assert reader.read() is None and reader.scene() is not None
    assert reader.read() is None


def test_a_state_that_is_young_enough_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    reader, pose, grains = SnapshotReader(tmp_path / "soil"), Pose(), np.zeros((3, 3), np.float32)
    assert reader.since(0, 0.01) is None
    with SnapshotWriter(tmp_path / "soil") as writer:
        writer.write_scene(SCENE)
        writer.write(stamp_ns=1, grains=grains, rock=pose, bucket=pose)
        present, unchanged = reader.since(1, 30.0), reader.since(2, 0.01)
        later = threading.Timer(0.1, writer.write, kwargs=dict(stamp_ns=2, grains=grains, rock=pose, bucket=pose))
        later.start()
        following = reader.since(2, 30.0)
        later.join()
    assert present is not None and present.stamp_ns == 1
    assert unchanged is not None and unchanged.stamp_ns == 1
    assert following is not None and following.stamp_ns == 2


def test_a_reset_hides_the_old_state_and_a_new_writer_is_followed(tmp_path: Path) -> None:
    reader = SnapshotReader(tmp_path / "soil")
    pose, grains = Pose(), np.zeros((3, 3), np.float32)
    first = SnapshotWriter(tmp_path / "soil")
    first.write_scene(SCENE)
    first.write(stamp_ns=1, grains=grains, rock=pose, bucket=pose)
    assert reader.read() is not None
    first.write_scene(SCENE)
    assert reader.read() is None
    second = SnapshotWriter(tmp_path / "soil")
    second.write_scene(SCENE)
    second.write(stamp_ns=2, grains=grains, rock=pose, bucket=pose)
    first.close()
    snapshot = reader.read()
    assert snapshot is not None and snapshot.stamp_ns == 2


def test_too_many_grains_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with SnapshotWriter(tmp_path / "soil") as writer, pytest.raises(ValueError, match="do not fit"):
        writer.write(stamp_ns=1, grains=np.zeros((MAX_GRAINS + 1, 3), np.float32), rock=Pose(), bucket=Pose())
    (tmp_path / "other").write_text("no snapshot")
    with pytest.raises(ValueError, match="remove it"):
        SnapshotReader(tmp_path / "other").read()


_WRITER = """
import pathlib, sys, time
import numpy as np
from prpd_task.frames import Pose
from prpd_twin.snapshot import SnapshotWriter
with SnapshotWriter(pathlib.Path(sys.argv[1])) as writer:
    for i in range(1, 401):
        pose = Pose((float(i), 0.0, 0.0))
        writer.write(stamp_ns=i, grains=np.full((20000, 3), i, np.float32), rock=pose, bucket=pose)
        time.sleep(0.001)
"""


def test_no_state_is_ever_torn(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path / "soil")])
    reader, seen = SnapshotReader(tmp_path / "soil"), set()
    while process.poll() is None:
        snapshot = reader.read()
        if snapshot is not None:
            assert set(np.unique(snapshot.grains)) == {snapshot.stamp_ns} == {snapshot.rock.position[0]}
            seen.add(snapshot.stamp_ns)
    assert process.returncode == 0 and len(seen) > 3
