from __future__ import annotations

import numpy as np
import pytest

from prpd_control.driver.tool_frames import ToolFrames, attitude, flange_matrix
from prpd_task.cell import Cell
from prpd_task.frames import Pose

CELL = Cell()
FRAMES = ToolFrames(CELL.base_from_soil)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("pose", RNG.uniform((-0.3, -0.4, -0.1, -1.2), (0.3, 0.3, 0.4, 1.2), (20, 4)))
def test_agrees_with_the_cell(pose):
    ours = FRAMES.to_ur((*pose, 0.0, 0.0, 0.0))
    cells = (CELL.base_from_soil @ Pose.from_bucket(pose)).matrix()
    assert np.allclose(Pose.from_rotation_vector(ours).matrix(), cells, atol=1e-12)
    assert FRAMES.to_setpoint(ours) == pytest.approx((*pose, 0, 0, 0), abs=1e-12)


@pytest.mark.parametrize("residual", RNG.uniform(-0.4, 0.4, (10, 3)))
def test_tilted_poses_make_the_round_trip(residual):
    setpoint = (0.1, -0.2, 0.05, 0.3, *residual)
    ur = FRAMES.to_ur(setpoint)
    back = FRAMES.to_setpoint(ur)
    assert np.allclose(Pose.from_rotation_vector(FRAMES.to_ur(back)).matrix(), Pose.from_rotation_vector(ur).matrix())
    soil = CELL.base_from_soil.inverse() @ Pose.from_rotation_vector(ur)
    assert back[3] == pytest.approx(soil.bucket_pose()[3])
    assert np.allclose(Pose.from_arrays(back[:3], attitude(back)).matrix(), soil.matrix())


def test_vectors_turn_there_and_back():
    vector = (0.3, -0.2, 0.9)
    assert FRAMES.vector_to_soil(FRAMES.vector_to_base(vector)) == pytest.approx(vector)
    x, y, z = CELL.base_from_soil.matrix()[:3, :3] @ vector
    assert FRAMES.vector_to_base(vector) == pytest.approx((x, y, z))


def test_flange_of_a_tcp_pose():
    tcp = CELL.base_from_soil @ Pose.from_bucket((0.0, -0.2, 0.1, 0.2))
    flange = flange_matrix(tcp.rotation_vector(), CELL.tool0_from_bucket.inverse())
    assert np.allclose(flange @ CELL.tool0_from_bucket.matrix(), tcp.matrix())
