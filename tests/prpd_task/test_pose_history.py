import numpy as np

from prpd_task.pose_history import PoseHistory


def test_bucket_poses_are_interpolated_and_old_ones_refused() -> None:
    history = PoseHistory(longest_gap=0.3)
    assert history.at(1.0) is None
    history.add(1.0, np.zeros(4))
    history.add(1.1, np.array([0.1, 0.2, 0.3, 0.4]))
    history.add(np.nan, np.ones(4))
    history.add(1.2, np.full(4, np.inf))
    np.testing.assert_allclose(history.at(1.05), [0.05, 0.1, 0.15, 0.2])
    np.testing.assert_allclose(history.at(1.3), [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(history.at(0.9), 0.0)
    assert history.at(1.5) is None and history.at(0.5) is None
    history.add(-5.0, np.ones(4))
    np.testing.assert_allclose(history.at(-5.0), 1.0)
