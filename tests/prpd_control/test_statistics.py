import pytest
from scipy.stats import binomtest

from prpd_control.trials.statistics import paired_test


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 0), (3, 3), (1, 9), (9, 1), (40, 61), (0, 30)])
def test_the_p_value_agrees_with_scipys_own(only_first, only_second):
    first = [True] * only_first + [False] * only_second + [True] * 5
    second = [False] * only_first + [True] * (only_second + 5)
    count = only_first + only_second
    theirs = binomtest(only_first, count, 0.5).pvalue if count else 1.0
    assert paired_test(first, second) == (only_first, only_second, pytest.approx(theirs, abs=1e-12))


def test_paired_outcomes_count_only_disagreements():
    first = [True] * 12 + [False] * 3
    second = [True] * 4 + [False] * 8 + [False] * 2 + [True]
    only_first, only_second, p_value = paired_test(first, second)
    assert (only_first, only_second) == (8, 1)
    assert p_value == pytest.approx(2 * (1 + 9) / 2**9)
    assert paired_test([True], [True]) == (0, 0, 1.0)
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_test([True], [])
