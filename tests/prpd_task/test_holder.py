from __future__ import annotations

import numpy as np

from prpd_task.bucket import BucketGeometry
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_task.holder import flange_position, holder_boxes


def test_the_bar_joins_the_bucket_to_the_flange() -> None:
    bucket, cell = BucketGeometry(), Cell()
    bar, wrist = holder_boxes(bucket, cell)
    turn = Pose.from_rpy(bar.centre, roll=bar.pitch)
    ends = turn.apply(np.array([[0.0, 0.0, -bar.size[2] / 2], [0.0, 0.0, bar.size[2] / 2]]))
    np.testing.assert_allclose(ends[0], [0.0, -(bucket.length + bucket.thickness) / 2, bucket.height], atol=1e-6)
    np.testing.assert_allclose(ends[1], flange_position(cell), atol=1e-6)
    below = Pose.from_rpy(wrist.centre, roll=wrist.pitch).apply(np.array([0.0, 0.0, -wrist.size[2] / 2]))
    np.testing.assert_allclose(below, flange_position(cell), atol=1e-6)


def test_the_flange_is_where_the_tool_says() -> None:
    cell = Cell(tool0_from_bucket=Pose.from_rpy((0.0, 0.0, 0.25), roll=np.pi))
    np.testing.assert_allclose(flange_position(cell), [0.0, 0.0, 0.25], atol=1e-9)
