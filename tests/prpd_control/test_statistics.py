import pytest
from scipy.stats import binomtest

from prpd_control.trials.statistics import paired_test, wilson_interval


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (9, 10), (10, 10), (81, 90), (1, 1)])
def test_wilson_agrees_with_scipys_own(successes, trials):
    theirs = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_no_trials_say_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="11 successes in 10"):
        wilson_interval(11, 10)


def test_paired_outcomes_count_only_disagreements():
    first = [True] * 12 + [False] * 3
    second = [True] * 4 + [False] * 8 + [False] * 2 + [True]
    only_first, only_second, p_value = paired_test(first, second)
    assert (only_first, only_second) == (8, 1)
    assert p_value == pytest.approx(2 * (1 + 9) / 2**9)
    assert paired_test([True], [True]) == (0, 0, 1.0)
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_test([True], [])
