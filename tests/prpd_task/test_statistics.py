import pytest
from scipy.stats import binomtest

from prpd_task.statistics import wilson_interval


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (9, 10), (10, 10), (81, 90), (1, 1)])
def test_wilson_agrees_with_scipys_own(successes, trials, confidence):
    theirs = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    ours = wilson_interval(successes, trials, confidence=confidence)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_no_trials_say_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="11 successes in 10"):
        wilson_interval(11, 10)
