import pytest

from prpd_control.trials.statistics import paired_test


def test_paired_outcomes_count_only_disagreements():
    first = [True] * 12 + [False] * 3
    second = [True] * 4 + [False] * 8 + [False] * 2 + [True]
    only_first, only_second, p_value = paired_test(first, second)
    assert (only_first, only_second) == (8, 1)
    assert p_value == pytest.approx(2 * (1 + 9) / 2**9)
    assert paired_test([True], [True]) == (0, 0, 1.0)
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_test([True], [])
