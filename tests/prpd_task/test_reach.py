from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from prpd_task import ur5e
from prpd_task.cell import Cell
from prpd_task.frames import Pose
from prpd_task.reach import WRIST_CLEARANCE, flange_matrix, main, survey
from prpd_task.spec import TaskSpec


def test_the_nominal_cell_reaches_the_whole_workspace_with_margins_and_far_from_trouble() -> None:
    reach = survey(Cell(), TaskSpec())
    assert reach.unreachable == 0
    assert reach.singularity_distance > 0.06
    assert reach.joint_margin > np.radians(60)
    assert reach.wrist_height > WRIST_CLEARANCE


def test_a_workspace_beyond_the_arm_is_found_out() -> None:
    far = replace(TaskSpec(), workspace_high=(0.16, 0.9, 0.28, 0.8))
    assert survey(Cell(), far).unreachable > 0


def test_a_cell_out_of_reach_is_refused_in_words() -> None:
    away = replace(Cell(), base_link_from_soil=Pose.from_rpy((2.0, 0.0, -0.27)))
    with pytest.raises(ValueError, match="base_link_from_soil"):
        survey(away, TaskSpec())


def test_start_joints_reach_the_start_pose() -> None:
    spec, cell = TaskSpec(), Cell()
    joints = survey(cell, spec, counts=(2, 2, 2, 2)).start_joints
    np.testing.assert_allclose(ur5e.forward(joints), flange_matrix(cell, spec.start_pose), atol=1e-9)


def test_command_reports_the_nominal_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "500 of 500" in capsys.readouterr().out


def test_command_names_a_missing_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cell", "nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err
